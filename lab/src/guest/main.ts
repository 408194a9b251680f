import { parseArgs } from 'node:util';
import { buildGuestImage } from './build.ts';

// npx tsx lab/src/guest/main.ts --tree DIR --out FILE [--work DIR]
const { values } = parseArgs({ options: { tree: { type: 'string' }, out: { type: 'string' }, work: { type: 'string' } } });
if (values.tree === undefined || values.out === undefined) {
  console.error('usage: main.ts --tree DIR --out FILE [--work DIR]');
  process.exit(2);
}
const started = Date.now();
await buildGuestImage({
  treeDir: values.tree,
  outFile: values.out,
  workDir: values.work ?? `${values.out}.work`,
  log: (line) => console.error(`${((Date.now() - started) / 1000).toFixed(1)} s  ${line}`),
});
