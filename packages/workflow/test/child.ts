import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';

export interface Child {
  readonly process: ChildProcess;
  /** With the signal's name where one ended it. */
  readonly ended: Promise<string>;
  kill(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void;
}

/** Makes processes of child-main.ts, and kills those that are left at the end. */
export class Children {
  readonly #dir: string;
  readonly #children: Child[] = [];

  private constructor(dir: string) {
    this.#dir = dir;
  }

  static async make(): Promise<Children> {
    // In the package, so that the bundle finds node_modules.
    const dir = await mkdtemp(join(import.meta.dirname, '.child-'));
    await build({
      entryPoints: [join(import.meta.dirname, 'child-main.ts')], outfile: join(dir, 'main.mjs'),
      bundle: true, platform: 'node', format: 'esm', packages: 'external', logLevel: 'error',
    });
    return new Children(dir);
  }

  start(env: Record<string, string>): Child {
    const child = spawn(process.execPath, [join(this.#dir, 'main.mjs')], {
      stdio: ['ignore', 'ignore', 'inherit'], env: { PATH: process.env['PATH'], ...env, EFFECTS: this.#effects(env['DATABASE_URL'] ?? '') },
    });
    const made: Child = {
      process: child,
      ended: new Promise((resolve) => child.once('exit', (code, signal) => { resolve(signal ?? String(code)); })),
      kill: (signal) => { child.kill(signal); },
    };
    this.#children.push(made);
    return made;
  }

  /** What the processes on a database did to the world, in order: "name text". */
  async effects(databaseUrl: string): Promise<string[]> {
    const text = await readFile(this.#effects(databaseUrl), 'utf8').catch(() => '');
    return text.split('\n').filter((l) => l !== '');
  }

  async clear(databaseUrl: string): Promise<void> {
    await writeFile(this.#effects(databaseUrl), '');
  }

  async end(): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    await Promise.all(this.#children.map((c) => c.ended));
    await rm(this.#dir, { recursive: true, force: true });
  }

  #effects(databaseUrl: string): string {
    return join(this.#dir, `effects${new URL(databaseUrl).pathname.replaceAll('/', '-')}`);
  }
}
