import { setTimeout as delay } from 'node:timers/promises';
import { runCli } from '@godwit/cli';

export interface CommandOptions {
  readonly url: string;
  readonly cloudsFile: string;
  readonly cloud: string;
  /** Shows the command's progress as it comes. */
  readonly echo?: (text: string) => void;
}

/** What a failed command said: its problem, or, if there is none to be read, all of it. */
export class CommandError extends Error {
  readonly code: string;
  readonly action: string | undefined;

  constructor(args: readonly string[], exitCode: number, output: string) {
    const problem = problemIn(output);
    const command = `godwit ${args.join(' ')}`;
    super(problem ? `${command}: ${problem.message}` : `${command} ended with ${String(exitCode)}:\n${output}`);
    this.code = problem?.code ?? 'GW_QUICKSTART';
    this.action = problem?.details?.action;
  }
}

interface Problem {
  readonly code: string;
  readonly message: string;
  readonly details?: { readonly action?: string };
}

function problemIn(output: string): Problem | undefined {
  for (const line of output.split('\n').reverse()) {
    if (!line.startsWith('{')) continue;
    try {
      const parsed = JSON.parse(line) as Partial<Problem>;
      if (typeof parsed.code === 'string' && typeof parsed.message === 'string') return parsed as Problem;
    } catch {
      // not a line of JSON
    }
  }
  return undefined;
}

/** Runs the `godwit` command as a user does, but in this process, and returns its JSON; a failing one throws with what it said. */
export async function godwit<T>(options: CommandOptions, ...args: string[]): Promise<T> {
  let [stdout, stderr] = ['', ''];
  const code = await runCli([...args, '-f', 'json'], {
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => {
      stderr += text;
      options.echo?.(text);
    } },
    env: { OS_CLIENT_CONFIG_FILE: options.cloudsFile, OS_CLOUD: options.cloud, GODWIT_URL: options.url },
    fetch: (url, init) => fetch(url, init),
    now: () => new Date(),
    sleep: async (ms, signal) => {
      await delay(ms, undefined, signal ? { signal } : {});
    },
    onInterrupt: () => () => undefined,
  }, '0.0.0');
  if (code !== 0) throw new CommandError(args, code, stderr + stdout);
  return JSON.parse(stdout) as T;
}
