import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runInOps, withLab } from '../harness/index.ts';
import { openLab } from '../index.ts';
import { storyText } from './report.ts';
import { playStory } from './story.ts';

const usage = `usage: npm run demo:lab [-- --keep] [--json] [--report FILE]
  --keep         leave the lab up afterwards
  --json         print the report as JSON, too
  --report FILE  where the JSON report goes (default: godwit-demo-report.json here)
`;

const { values } = parseArgs({
  options: { keep: { type: 'boolean', default: false }, json: { type: 'boolean', default: false }, report: { type: 'string', default: 'godwit-demo-report.json' }, help: { type: 'boolean', default: false } },
});

/** The part that speaks to the sites; it runs in the network `ops`. */
async function inside(): Promise<number> {
  const begun = Date.now();
  const say = (text: string): void => console.log(`[${((Date.now() - begun) / 1_000).toFixed(0).padStart(4)} s] ${text}`);
  const report = await playStory(openLab(), { say });
  writeFileSync(values.report, `${JSON.stringify(report, null, 2)}\n`);
  console.log(`\n${storyText(report)}\n\n${report.ok ? 'The VNF survived the loss of its site.' : 'The VNF did NOT come back as it should.'} Report: ${values.report}`);
  if (values.json) console.log(JSON.stringify(report));
  return report.ok ? 0 : 1;
}

async function outside(): Promise<number> {
  const lab = openLab();
  const code = await withLab(lab, values, () => runInOps(lab, [process.execPath, ...process.execArgv, join(import.meta.dirname, 'main.ts'), ...process.argv.slice(2)]));
  if (values.keep) console.log('The lab is left up: npm run lab -- status; npm run lab -- down');
  return code;
}

if (values.help) console.log(usage);
else process.exitCode = await (process.env['GODWIT_LAB_INSIDE'] === '1' ? inside() : outside());
