import { setTimeout as delay } from 'node:timers/promises';
import { runCli } from '@godwit/cli';

export interface CommandOptions {
  readonly url: string;
  readonly cloudsFile: string;
  readonly cloud: string;
  /** Shows the command's progress as it comes. */
  readonly echo?: (text: string) => void;
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
  if (code !== 0) throw new Error(`godwit ${args.join(' ')} ended with ${String(code)}:\n${stderr}${stdout}`);
  return JSON.parse(stdout) as T;
}
