import { spawn } from 'node:child_process';
import type { Owner } from '../node/files.ts';
import { AgentError } from '../protocol/errors.ts';

/** Runs `keystone-manage credential_migrate` as the user to whom the keys belong. Keystone's own words go to its log, not to us. */
export function runCredentialMigrate(command: readonly string[], configs: readonly string[], owner: Owner, signal: AbortSignal): Promise<void> {
  const [file = '', ...args] = command;
  const asOther = process.getuid?.() === 0 && owner.uid !== 0;
  return new Promise((resolve, reject) => {
    const child = spawn(file, [...args, ...configs.flatMap((c) => ['--config-file', c]), 'credential_migrate'], {
      stdio: ['ignore', 'ignore', 'pipe'],
      signal,
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8' },
      ...(asOther && { uid: owner.uid, gid: owner.gid }),
    });
    let words = '';
    child.stderr.on('data', (d: Buffer) => (words = (words + d.toString()).slice(-4_000)));
    const failed = (why: string): void => reject(new AgentError('GW_AGENT_CREDENTIALS', 'retryable', `keystone-manage credential_migrate: ${why}`, { action: 'Run it by hand on that node, and see what it says.' }));
    child.on('error', (e) => failed(e.message));
    child.on('close', (status, killed) => (status === 0 ? resolve() : failed(lastLine(words) || (killed ?? `exit status ${status}`))));
  });
}

/** Of a traceback the last line is the error; a key is in none of Keystone's. */
const lastLine = (words: string): string => words.trim().split('\n').at(-1)?.slice(0, 500) ?? '';
