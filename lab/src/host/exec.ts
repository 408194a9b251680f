import { spawn } from 'node:child_process';

import { LabError } from '../errors.ts';

export interface ExecResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ExecOptions {
  /** Text or bytes for standard input; secrets go here or in `env`, never in the arguments. */
  readonly input?: string | Buffer;
  /** The whole environment of the command; the caller's own when left out. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Milliseconds; the command is killed (SIGKILL) afterwards and `code` is 124. */
  readonly timeoutMs?: number;
  /** Called with each chunk of output as it comes. */
  readonly onOutput?: (text: string) => void;
}

/** Runs a command to its end and returns its status and output; it does not throw for a status other than 0. */
export function exec(argv: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
  return new Promise((resolve, reject) => {
    const [file, ...args] = argv;
    if (file === undefined) throw new TypeError('exec: no command');
    const child = spawn(file, args, {
      stdio: 'pipe',
      ...(options.env ? { env: { ...options.env } } : {}),
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    let timedOut = false;
    const timer =
      options.timeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            timedOut = true;
            child.kill('SIGKILL');
            // A grandchild may hold the pipes open after its parent was killed; do not wait for it.
            child.stdout.destroy();
            child.stderr.destroy();
          }, options.timeoutMs);
    child.stdout.on('data', (chunk: Buffer) => {
      out.push(chunk);
      options.onOutput?.(chunk.toString());
    });
    child.stderr.on('data', (chunk: Buffer) => {
      err.push(chunk);
      options.onOutput?.(chunk.toString());
    });
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(new LabError('LAB_EXEC', `cannot run ${file}: ${error.message}`, { cause: error }));
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const stderr = Buffer.concat(err).toString();
      resolve({
        code: timedOut ? 124 : (code ?? 128 + (signal === 'SIGKILL' ? 9 : 15)),
        stdout: Buffer.concat(out).toString(),
        stderr: timedOut ? `${stderr}\n(killed after ${String(options.timeoutMs)} ms)` : stderr,
      });
    });
    // A command that never reads its input closes the pipe: that is no failure of ours.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input);
  });
}

/** The last lines of a text, for error messages. */
export function tail(text: string, lines = 15): string {
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}

/** Like {@link exec}, but a status other than 0 is an error that shows the end of the output. */
export async function execOk(argv: readonly string[], options: ExecOptions & { what?: string } = {}): Promise<string> {
  const result = await exec(argv, options);
  if (result.code !== 0) {
    const what = options.what ?? argv.slice(0, 4).join(' ');
    throw new LabError('LAB_EXEC', `${what} ended with status ${String(result.code)}:\n${tail(result.stderr || result.stdout)}`);
  }
  return result.stdout;
}
