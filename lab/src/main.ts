import { textProgress } from './engine/progress.ts';
import { LabError } from './errors.ts';
import { down, up } from './lab.ts';
import { labPaths } from './paths.ts';

const progress = textProgress(process.stderr);
try {
  const [command, ...args] = process.argv.slice(2);
  if (command === 'up') await up(labPaths(), { topology: args[0] ?? 'two-site', fresh: args.includes('--fresh') }, progress);
  else if (command === 'down') await down(labPaths());
} catch (error) {
  progress.close();
  console.error(error instanceof LabError ? `${error.code}: ${error.message}` : error);
  process.exitCode = 1;
} finally {
  progress.close();
}
