import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { sweepCopies } from './dump.ts';

it('what a kill in the midst of a copy has left, with its passwords, is swept away, and nothing else', async () => {
  const stateDir = await mkdtemp(join(tmpdir(), 'godwit-sweep-'));
  try {
    await mkdir(join(stateDir, 'seed-Ab12'));
    await writeFile(join(stateDir, 'seed-Ab12', 'source.cnf'), 'password="x"', { mode: 0o600 });
    for (const file of ['seed.json', 'identity.json']) await writeFile(join(stateDir, file), '{}');
    await sweepCopies(stateDir);
    await sweepCopies(stateDir);
    expect((await readdir(stateDir)).sort()).toEqual(['identity.json', 'seed.json']);
    await sweepCopies(join(stateDir, 'none'));
  } finally {
    await rm(stateDir, { recursive: true, force: true });
  }
});
