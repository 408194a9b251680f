import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type ErrorKind, GodwitError } from '@godwit/sites';
import type { Boundary } from '@godwit/workflow';
import { build } from 'esbuild';
import { npmOutside, ownPackages } from '../../../scripts/workspaces.mjs';
import type { FakeNodes } from './fake-nodes.ts';

/** What a controller's process asks of the nodes. */
export interface Call {
  readonly id: number;
  readonly method: string;
  readonly args: readonly unknown[];
}

export interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: { readonly code: `GW_${string}`; readonly kind: ErrorKind; readonly message: string; readonly site?: string; readonly resource?: string };
}

export interface At {
  readonly workflow: string;
  readonly step: string;
  readonly boundary: Boundary;
}

export type Told = { readonly call: Call } | { readonly boundary: At };

export interface Life {
  readonly ended: Promise<string>;
  /** Boundaries that it came to. */
  readonly crossed: readonly At[];
  kill(): void;
}

/** Processes of boundary-child.ts over one set of nodes, which outlives them. */
export class Lives {
  readonly #dir: string;
  readonly #children: ChildProcess[] = [];

  private constructor(dir: string) {
    this.#dir = dir;
  }

  static async make(): Promise<Lives> {
    // In the package, so that the bundle finds node_modules.
    const dir = await mkdtemp(join(import.meta.dirname, '.child-'));
    await build({
      entryPoints: [join(import.meta.dirname, 'boundary-child.ts')], outfile: join(dir, 'main.mjs'), bundle: true, platform: 'node', format: 'esm', logLevel: 'error',
      plugins: [ownPackages, npmOutside],
    });
    return new Lives(dir);
  }

  start(nodes: FakeNodes, env: Readonly<Record<string, string>>): Life {
    const child = spawn(process.execPath, [join(this.#dir, 'main.mjs')], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], serialization: 'advanced', env: { PATH: process.env['PATH'], ...env } });
    this.#children.push(child);
    const crossed: At[] = [];
    child.on('message', (told: Told) => {
      if ('boundary' in told) crossed.push(told.boundary);
      // What a node does, it does, whether he who asked still lives or not.
      else void serve(nodes, told.call).then((answer) => { if (child.connected) child.send(answer, () => undefined); });
    });
    return {
      crossed,
      ended: new Promise((resolve) => void child.once('exit', (code, signal) => { resolve(signal ?? String(code)); })),
      kill: () => void child.kill('SIGKILL'),
    };
  }

  async end(): Promise<void> {
    const gone = this.#children.filter((c) => c.exitCode === null && c.signalCode === null).map((c) => new Promise((resolve) => { c.once('exit', resolve); c.kill('SIGKILL'); }));
    await Promise.all(gone);
    await rm(this.#dir, { recursive: true, force: true });
  }
}

async function serve(nodes: FakeNodes, { id, method, args }: Call): Promise<Answer> {
  try {
    return { id, value: await (nodes as unknown as Record<string, (...a: readonly unknown[]) => Promise<unknown>>)[method]?.(...args) };
  } catch (error) {
    if (!(error instanceof GodwitError)) throw error;
    const { code, kind, message, site, resource } = error;
    return { id, error: { code: code as `GW_${string}`, kind, message, ...(site !== undefined && { site }), ...(resource !== undefined && { resource }) } };
  }
}
