import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openLab, runInOps, withLab } from '@godwit/lab';
import { freezeWindowBench } from './freeze-window.ts';
import { recoveryBench } from './recovery.ts';
import type { Bench } from './types.ts';

const benches: Readonly<Record<string, Bench>> = { 'freeze-window': freezeWindowBench, recovery: recoveryBench };

const usage = `usage: npm run bench -- ${Object.keys(benches).join(' | ')} [--rounds N] [--report FILE] [--keep]
  Measures in the lab, side by side in one run, what Godwit does and what one would do without it.
  --rounds N     how often (freeze-window; default 3)
  --report FILE  where the JSON report goes (default: godwit-bench-NAME.json here)
  --keep         leave the lab up afterwards
`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { rounds: { type: 'string' }, report: { type: 'string' }, keep: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
  });
  const name = positionals[0] ?? '';
  const bench = benches[name];
  if (values.help || !bench) {
    console.error(usage);
    return values.help ? 0 : 2;
  }
  const lab = openLab();
  if (process.env['GODWIT_LAB_INSIDE'] === '1') {
    const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
    const report = await bench(lab, { say: (text) => console.log(text), ...(rounds === undefined ? {} : { rounds }) });
    const file = values.report ?? `godwit-bench-${name}.json`;
    writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
    console.log(`\n${report.text}\n\nReport: ${file}`);
    return 0;
  }
  return withLab(lab, values, () => runInOps(lab, [process.execPath, ...process.execArgv, join(import.meta.dirname, 'main.ts'), ...process.argv.slice(2)]));
}

process.exitCode = await main();
