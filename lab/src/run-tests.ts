import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { projectRoot, runInOps, withLab } from './harness/index.ts';
import { openLab } from './index.ts';
import { findScenarios, type ScenarioGroup } from './scenarios.ts';

const usage = `usage: npm run test:lab [-- [--smoke] [--keep] [SCENARIO…]]
  SCENARIO   part of a file's path in lab/test, a topology's name for instance; default: all, in order
  --smoke    the selection that continuous integration runs
  --keep     leave the last topology up afterwards
`;

/** One scenario of every use case that there is. */
const smoke = ['10-story', '75-resources', '80-tokens', '85-network'];

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
  const { groups, unknown, all } = findScenarios(readdirSync(join(projectRoot, 'lab', 'test'), { recursive: true, encoding: 'utf8' }), wanted);
  if (unknown.length > 0) {
    console.error(`there is no scenario ${unknown.join(', ')}; there are: ${all.map((f) => f.replace('.test.ts', '')).join(', ')}`);
    return 2;
  }
  let status = 0;
  for (const [n, group] of groups.entries()) status = (await runGroup(group, values.keep && n === groups.length - 1)) || status;
  return status;
}

/** Each topology is brought up once, with all that is to run on it; the next one needs its memory. */
function runGroup({ topology, files }: ScenarioGroup, keep: boolean): Promise<number> {
  const lab = openLab();
  const filters = files.map((f) => `lab/test/${f}`);
  return withLab(lab, { keep, topology }, () => runInOps(lab, [process.execPath, join(projectRoot, 'node_modules', 'vitest', 'vitest.mjs'), 'run', '--project', 'lab', '--reporter', 'verbose', '--root', projectRoot, ...filters]));
}

process.exitCode = await main();
