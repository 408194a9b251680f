import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fetch, Io } from './io.ts';
import { runCli } from './run.ts';
import { version } from './version.ts';

const io: Io = {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  fetch: (url, init) => makeFetch().then((f) => f(url, init)),
  now: () => new Date(),
  sleep: async (ms, signal) => {
    await sleep(ms, undefined, signal ? { signal } : {});
  },
  onInterrupt: (callback) => {
    process.on('SIGINT', callback);
    return () => process.off('SIGINT', callback);
  },
  ...(process.stdin.isTTY && process.stderr.isTTY && { confirm }),
};

async function confirm(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
  } finally {
    terminal.close();
  }
}

let made: Promise<Fetch> | undefined;
/** Node’s own fetch knows only the system’s CAs; with a CA of one’s own undici’s is loaded. */
function makeFetch(): Promise<Fetch> {
  made ??= (async () => {
    const caFile = process.env['GODWIT_CACERT'] || process.env['OS_CACERT'];
    if (!caFile) return fetch as Fetch;
    const { Agent, fetch: undiciFetch } = await import('undici');
    const dispatcher = new Agent({ connect: { ca: readFileSync(caFile) } });
    return (url, init) => undiciFetch(url, { ...init, dispatcher }) as unknown as Promise<Response>;
  })();
  return made;
}

// A reader that went away (`| head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
process.exitCode = await runCli(process.argv.slice(2), io, version);
