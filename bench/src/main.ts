import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openLab, runInOps, withLab } from '@godwit/lab';
import { driftAuditBench } from './drift-audit.ts';
import { freezeWindowBench } from './freeze-window.ts';
import { identityBench } from './identity.ts';
import { imageCloneBench } from './image-clone.ts';
import { methodsBench } from './methods/index.ts';
import { networkBench } from './network.ts';
import { recoveryBench } from './recovery.ts';
import { scaleBench } from './scale/index.ts';
import type { Bench, BenchReport } from './types.ts';

const benches: Readonly<Record<string, Bench>> = { 'freeze-window': freezeWindowBench, recovery: recoveryBench, 'image-clone': imageCloneBench, identity: identityBench, network: networkBench, methods: methodsBench };
/** Those that want another topology than two-site. */
const topologies: Readonly<Record<string, string>> = { identity: 'identity-star', methods: 'replication' };

const usage = `usage: npm run bench -- ${Object.keys(benches).join(' | ')} | scale | drift-audit [--rounds N] [--report FILE] [--keep] [--sizes N,N] [--jobs N] [--servers N]
  Measures in the lab, side by side in one run, what Godwit does and what one would do without it; scale and drift-audit need no lab.
  --sizes N,N    numbers of emulated sites (scale; default 10,100,1000)
  --jobs N       groups protected, and then recovered, at once (scale; default 100; 0: none)
  --servers N    of each site (scale; default 100)
  --rounds N     how often (freeze-window, image-clone; default 3); of network: hundreds of remote ports (default 1)
  --report FILE  where the JSON report goes (default: godwit-bench-NAME.json here)
  --keep         leave the lab up afterwards
`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { rounds: { type: 'string' }, sizes: { type: 'string' }, jobs: { type: 'string' }, servers: { type: 'string' }, report: { type: 'string' }, keep: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
  });
  const name = positionals[0] ?? '';
  if (name === 'scale' && !values.help) {
    const sizes = values.sizes?.split(',').map(Number);
    if (sizes?.some((n) => !Number.isInteger(n) || n < 6)) {
      console.error('--sizes takes whole numbers of at least 6, with commas between');
      return 2;
    }
    return write(name, values.report, await scaleBench({ say: (text) => console.log(text), ...(sizes && { sizes }), ...(values.jobs !== undefined && { jobs: Number(values.jobs) }), ...(values.servers !== undefined && { servers: Number(values.servers) }) }));
  }
  if (name === 'drift-audit' && !values.help) {
    const sites = values.sizes === undefined ? undefined : Number(values.sizes);
    return write(name, values.report, await driftAuditBench({ say: (text) => console.log(text), ...(sites !== undefined && { sites }) }));
  }
  const bench = benches[name];
  if (values.help || !bench) {
    console.error(usage);
    return values.help ? 0 : 2;
  }
  const lab = openLab();
  if (process.env['GODWIT_LAB_INSIDE'] === '1') {
    const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
    const report = await bench(lab, { say: (text) => console.log(text), ...(rounds === undefined ? {} : { rounds }) });
    return write(name, values.report, report);
  }
  return withLab(lab, { keep: values.keep, topology: topologies[name] ?? 'two-site' }, () => runInOps(lab, [process.execPath, ...process.execArgv, join(import.meta.dirname, 'main.ts'), ...process.argv.slice(2)]));
}

function write(name: string, wanted: string | undefined, report: BenchReport): number {
  const file = wanted ?? `godwit-bench-${name}.json`;
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
  console.log(`\n${report.text}\n\nReport: ${file}`);
  return 0;
}

process.exitCode = await main();
