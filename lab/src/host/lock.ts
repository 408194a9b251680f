import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

import { LabError } from '../errors.ts';
import { formatPidFile, identify, isAlive, parsePidFile } from './pid.ts';

/** Keeps two commands from changing the lab at once. The lock of a killed command is taken over. */
export function takeLock(file: string, what: string): () => void {
  mkdirSync(dirname(file), { recursive: true });
  const self = identify(process.pid);
  if (!self) throw new TypeError('takeLock: /proc is not readable');
  for (let attempt = 0; ; attempt += 1) {
    try {
      const fd = openSync(file, 'wx');
      writeSync(fd, formatPidFile(self));
      closeSync(fd);
      return () => {
        rmSync(file, { force: true });
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = existsSync(file) ? parsePidFile(readFileSync(file, 'utf8')) : undefined;
    if (attempt >= 3 || (holder && isAlive(holder)))
      throw new LabError('LAB_BUSY', `cannot ${what}: process ${String(holder?.pid ?? 'unknown')} is changing the lab; wait for it, or remove ${file} if that is wrong`, { kind: 'waiting' });
    rmSync(file, { force: true });
  }
}
