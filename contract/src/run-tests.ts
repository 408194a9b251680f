import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openLab, projectRoot, runInOps, withLab } from '@godwit/lab';

const usage = `usage: npm run test:contract [-- [--emulator] [--lab] [--keep] [-t PATTERN]]
  --emulator  only against the emulator
  --lab       only against the lab's two sites, which it brings up
  --keep      leave the lab up afterwards
  -t PATTERN  only tests whose names match; what the suite covers is then not judged
`;

const { values } = parseArgs({
  options: {
    emulator: { type: 'boolean', default: false }, lab: { type: 'boolean', default: false }, keep: { type: 'boolean', default: false },
    testNamePattern: { type: 'string', short: 't' }, help: { type: 'boolean', default: false },
  },
});

const vitest = (...projects: string[]): string[] => [join(projectRoot, 'node_modules', 'vitest', 'vitest.mjs'), 'run', ...projects.flatMap((name) => ['--project', name]), '--reporter', 'verbose', '--root', projectRoot, ...(values.testNamePattern === undefined ? [] : ['-t', values.testNamePattern])];

function onEmulator(): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, vitest('contract', 'contract-client'), { stdio: 'inherit', env: { ...process.env, GODWIT_CONTRACT_TARGET: 'emulator' } });
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
}

function onLab(): Promise<number> {
  const lab = openLab();
  const transcript = process.env['GODWIT_CONTRACT_TRANSCRIPT'];
  return withLab(lab, values, () => runInOps(lab, [process.execPath, ...vitest('contract')], { GODWIT_CONTRACT_TARGET: 'lab', ...(transcript === undefined ? {} : { GODWIT_CONTRACT_TRANSCRIPT: transcript }) }));
}

async function main(): Promise<number> {
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const both = values.emulator === values.lab;
  const codes: number[] = [];
  // Both are run, whatever the first says: what differs is seen from the two together.
  if (both || values.emulator) codes.push(await onEmulator());
  if (both || values.lab) codes.push(await onLab());
  return codes.find((code) => code !== 0) ?? 0;
}

process.exitCode = await main();
