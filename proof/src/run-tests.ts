import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const usage = `usage: npm run test:proof [-- [--seed N] [--seeds N] [--requests N] [--only TEXT] [PROOF…]]
  PROOF         part of a file's name in proof/test, or of crashes one of: boundaries, effects, zombie; default: all
  --seed N      replays: the seed that a failure printed; with --seeds, so many from there on
  --seeds N     how many random fault schedules (default 25; nightly: 1000)
  --only TEXT   of crashes, only those with this in their names; may be given again
  --requests N  how many requests of each API fuzz (default 2000)
`;

const root = join(import.meta.dirname, '..', '..');

/** What crashes.test.ts proves. */
const crashes = ['boundaries', 'effects', 'zombie'];

function main(): number {
  let parsed;
  try {
    parsed = parseArgs({ allowPositionals: true, options: { seed: { type: 'string' }, seeds: { type: 'string' }, requests: { type: 'string' }, only: { type: 'string', multiple: true }, help: { type: 'boolean', default: false } } });
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`);
    return 2;
  }
  const { values, positionals } = parsed;
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const all = readdirSync(join(root, 'proof', 'test')).filter((f) => f.endsWith('.test.ts'));
  const parts = positionals.filter((name) => crashes.includes(name));
  if (parts.length > 0) process.env['GODWIT_PROOF_CRASHES'] = parts.join(' ');
  const asked = positionals.map((name) => (crashes.includes(name) ? 'crashes' : name));
  for (const name of asked) {
    if (all.some((f) => f.includes(name))) continue;
    console.error(`there is no proof ${name}; there are: ${[...all.map((f) => f.replace('.test.ts', '')), ...crashes].join(', ')}`);
    return 2;
  }
  for (const [flag, value] of Object.entries({ seed: values.seed, seeds: values.seeds, requests: values.requests })) {
    if (value === undefined) continue;
    if (!/^\d+$/.test(value)) {
      console.error(`--${flag} takes a whole number\n\n${usage}`);
      return 2;
    }
    process.env[`GODWIT_PROOF_${flag.toUpperCase()}`] = value;
  }
  // Also what npm test does not run, and in full size.
  process.env['GODWIT_PROOF_ALL'] = '1';
  if (values.only !== undefined) process.env['GODWIT_PROOF_ONLY'] = values.only.join('\n');
  const files = all.filter((f) => asked.some((name) => f.includes(name))).map((f) => `proof/test/${f}`);
  return spawnSync(process.execPath, [join(root, 'node_modules', 'vitest', 'vitest.mjs'), 'run', '--project', 'proof', '--reporter', 'verbose', '--root', root, ...files], { stdio: 'inherit' }).status ?? 1;
}

process.exitCode = main();
