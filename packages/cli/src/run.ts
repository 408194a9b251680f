import { ExitCode, proposeCompletions, run, type StricliProcess } from '@stricli/core';
import { makeApp } from './app.ts';
import type { Context } from './command.ts';
import { exit } from './exit-codes.ts';
import { hoistFlags } from './hoist.ts';
import type { Io } from './io.ts';

/** Runs one command line and returns its exit code. Touches nothing of the process but what `io` gives. */
export async function runCli(argv: readonly string[], io: Io, version: string): Promise<number> {
  const app = makeApp(version, / (-f|--format)[ =]json /.test(` ${argv.join(' ')} `));
  const stream = (out: Io['stdout']) => ({ write: (text: string) => void out.write(text), getColorDepth: () => 1 });
  const process: StricliProcess = { stdout: stream(io.stdout), stderr: stream(io.stderr), env: { ...io.env, STRICLI_SKIP_VERSION_CHECK: '1' } };
  const context: Context = { process, io };
  if (argv[0] === '__complete') {
    const proposals = await proposeCompletions(app, argv.slice(1), context).catch(() => []);
    io.stdout.write(proposals.map((p) => `${p.completion}\n`).join(''));
    return exit.ok;
  }
  await run(app, hoistFlags(argv), context);
  return exitCode(Number(process.exitCode ?? 0));
}

/** stricli’s own codes are negative. */
function exitCode(code: number): number {
  if (code >= 0) return code;
  return code === ExitCode.UnknownCommand || code === ExitCode.InvalidArgument ? exit.usage : exit.failed;
}
