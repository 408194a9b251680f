import { runCli } from './cli/run.ts';
import { openLab } from './index.ts';

process.exitCode = await runCli(process.argv.slice(2), openLab(), process);
