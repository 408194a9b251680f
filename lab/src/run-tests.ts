import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { projectRoot, runInOps, withLab } from './harness/index.ts';
import { openLab } from './index.ts';

const usage = `usage: npm run test:lab [-- [--smoke] [--keep] [SCENARIO…]]
  SCENARIO   part of a file's name in lab/test; default: all, in order
  --smoke    the selection that continuous integration runs
  --keep     leave the lab up afterwards
`;

/** One scenario of every use case that there is. */
const smoke = ['story'];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { smoke: { type: 'boolean', default: false }, keep: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
});

async function main(): Promise<number> {
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const wanted = values.smoke ? [...smoke, ...positionals] : positionals;
  const all = readdirSync(join(projectRoot, 'lab', 'test')).filter((f) => f.endsWith('.test.ts'));
  for (const name of wanted) {
    if (all.some((f) => f.includes(name))) continue;
    console.error(`there is no scenario ${name}; there are: ${all.map((f) => f.replace('.test.ts', '')).join(', ')}`);
    return 2;
  }
  const lab = openLab();
  const filters = wanted.map((name) => `lab/test/${all.find((f) => f.includes(name)) ?? name}`);
  return withLab(lab, values, () => runInOps(lab, [process.execPath, join(projectRoot, 'node_modules', 'vitest', 'vitest.mjs'), 'run', '--project', 'lab', '--reporter', 'verbose', '--root', projectRoot, ...filters]));
}

process.exitCode = await main();
