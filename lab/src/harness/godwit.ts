import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Lab } from '../index.ts';
import { projectRoot } from './controller.ts';

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Standard output, or the error of a failed command, as JSON. */
  readonly json: unknown;
}

export interface CliOptions {
  readonly url: string;
  /** Entry of the lab's clouds.yaml that the user is. Default: the tenant at site2, which survives. */
  readonly cloud?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Shows the command's progress as it comes. */
  readonly echo?: (text: string) => void;
}

/** Runs the `godwit` command as a user does, in the network `ops`, with `-f json`. */
export function godwit(lab: Lab, options: CliOptions, ...args: string[]): Promise<CliResult> {
  const inside = lab.spawnArgs('ops', [process.execPath, join(projectRoot, 'bin', 'godwit.mjs'), ...args, '-f', 'json']);
  const env: Record<string, string> = {
    PATH: process.env['PATH'] ?? '',
    HOME: process.env['HOME'] ?? '/root',
    OS_CLIENT_CONFIG_FILE: lab.paths.clouds,
    OS_CLOUD: options.cloud ?? 'site2',
    GODWIT_URL: options.url,
    ...options.env,
  };
  return new Promise((resolve, reject) => {
    const child = spawn(inside.argv[0] ?? '', inside.argv.slice(1), { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (d: Buffer) => (stdout += d.toString()));
    child.stderr.on('data', (d: Buffer) => {
      stderr += d.toString();
      options.echo?.(d.toString());
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? 1, stdout, stderr, json: tryJson(stdout) ?? tryJson(stderr.slice(stderr.indexOf('{'))) }));
  });
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * The same, and its JSON; a failing command throws with what it said. One that was not begun, because on a busy machine no Keystone had the time to check the
 * caller's own token, is given again.
 */
export async function godwitOk<T>(lab: Lab, options: CliOptions, ...args: string[]): Promise<T> {
  const deadline = Date.now() + 120_000;
  for (;;) {
    const result = await godwit(lab, options, ...args);
    if (result.code === 0) return result.json as T;
    const said = result.stderr + result.stdout;
    if (!said.includes('GW_IDENTITY_UNREACHABLE') || Date.now() > deadline) throw new Error(`godwit ${args.join(' ')} ended with ${result.code}:\n${said}`);
    await delay(2_000);
  }
}
