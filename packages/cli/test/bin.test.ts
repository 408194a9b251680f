import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const root = new URL('../../../', import.meta.url);
const { version } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { version: string };

describe('the programs of a checkout', () => {
  it.each(['godwit', 'godwit-server'])('bin/%s.mjs builds itself when a source is newer, and knows its version', { timeout: 120_000 }, async (name) => {
    const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(new URL(`bin/${name}.mjs`, root)), '--version']);
    expect(stdout).toBe(`${version}\n`);
  });
});
