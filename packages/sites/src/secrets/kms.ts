import { spawn } from 'node:child_process';
import { GodwitError } from '../errors.ts';
import type { Wrapper } from './envelope.ts';

const timeoutMs = 20_000;
const maxAnswer = 16_384;

/**
 * A program that speaks to a KMS: called with `wrap` or `unwrap` as its last argument, it reads one line of base64 on stdin and writes one on
 * stdout. What it wraps is the key of one secret, 32 bytes, never a secret itself.
 */
export function kmsWrapper(argv: readonly string[], run: Run = spawned): Wrapper {
  return {
    id: 'kms',
    wrap: (key) => run([...argv, 'wrap'], key.toString('base64')),
    async unwrap(wrapped) {
      const key = Buffer.from(await run([...argv, 'unwrap'], wrapped), 'base64');
      if (key.length !== 32) throw failed(argv, 'it did not give back a key of 32 bytes');
      return key;
    },
  };
}

type Run = (argv: readonly string[], input: string) => Promise<string>;

function spawned(argv: readonly string[], input: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const [file, ...args] = argv;
    const child = spawn(file ?? '', args, { stdio: ['pipe', 'pipe', 'ignore'], timeout: timeoutMs, killSignal: 'SIGKILL' });
    let answer = '';
    child.stdout.setEncoding('latin1').on('data', (text: string) => {
      answer += text;
      if (answer.length > maxAnswer) child.kill('SIGKILL');
    });
    child.on('error', (cause) => reject(failed(argv, cause.message)));
    child.on('close', (status, signal) => {
      const line = answer.trim();
      if (status !== 0) reject(failed(argv, signal === null ? `exit status ${status}` : `ended by ${signal}`));
      else if (line === '' || /[^\x21-\x7e]/.test(line)) reject(failed(argv, 'it did not answer with one line'));
      else resolve(line);
    });
    // A program that does not read is known by its status.
    child.stdin.on('error', () => undefined).end(`${input}\n`);
  });
}

// Its stderr is not shown: it may repeat what it was given.
const failed = (argv: readonly string[], why: string): GodwitError =>
  new GodwitError('GW_SECRETS_KMS', 'retryable', `secrets.kmsCommand ${argv[0]} failed: ${why}`, { action: 'Run it by hand, with wrap, and see what it says.' });
