import { type ChildProcess, fork, spawn } from 'node:child_process';
import { openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CloudEntry } from '@godwit/emulator';

const root = join(import.meta.dirname, '..', '..', '..');

export interface EmulatorProcess {
  readonly pid: number;
  readonly url: string;
  readonly files: { readonly godwit: string; readonly clouds: string };
  readonly clouds: Readonly<Record<string, CloudEntry>>;
  /** Asks `/_emulator/…`. */
  ask(method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<Record<string, unknown>>;
  stop(): Promise<void>;
}

const ended = (child: ChildProcess): Promise<void> => (child.exitCode !== null || child.signalCode !== null ? Promise.resolve() : new Promise((done) => child.once('exit', () => done())));

export async function startEmulatorProcess(options: { readonly sites: number; readonly serversPerSite: number; readonly speed: number; readonly directory: string }): Promise<EmulatorProcess> {
  const log = openSync(join(options.directory, 'emulator.log'), 'w');
  const child = fork(join(import.meta.dirname, 'emulator-main.ts'), [options.sites, options.serversPerSite, options.speed, options.directory].map(String), {
    execArgv: ['--import', 'tsx', '--max-old-space-size=6000'], stdio: ['ignore', log, log, 'ipc'],
  });
  const hello = await new Promise<Omit<EmulatorProcess, 'pid' | 'ask' | 'stop'>>((resolve, reject) => {
    child.once('message', resolve as (m: unknown) => void);
    child.once('exit', (code) => reject(new Error(`the emulator ended (${String(code)}): see ${options.directory}/emulator.log`)));
  });
  return {
    ...hello,
    pid: child.pid ?? 0,
    async ask(method, path, body) {
      const answer = await fetch(`${hello.url}/_emulator/${path}`, { method, ...(body !== undefined && { body: JSON.stringify(body) }) });
      return (await answer.json()) as Record<string, unknown>;
    },
    async stop() {
      child.kill('SIGTERM');
      await ended(child);
    },
  };
}

export interface ControllerProcess {
  readonly pid: number;
  readonly url: string;
  /** Milliseconds from start to listening. */
  readonly startMs: number;
  stop(): Promise<void>;
}

/** The real program, as a user starts it. */
export async function startControllerProcess(config: string, databaseUrl: string, directory: string): Promise<ControllerProcess> {
  const began = performance.now();
  const log = openSync(join(directory, 'controller.log'), 'a');
  const child = spawn(process.execPath, [join(root, 'bin', 'godwit-server.mjs'), '--config', config], {
    env: { ...process.env, DATABASE_URL: databaseUrl, GODWIT_LOG_LEVEL: 'warn', NODE_OPTIONS: '' }, stdio: ['ignore', 'pipe', log],
  });
  const { url, pid } = await new Promise<{ url: string; pid: number }>((resolve, reject) => {
    let said = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      // The program may run as a child of what we started.
      const found = /listening on (\S+) \(pid (\d+)\)/.exec(said);
      if (found) resolve({ url: found[1] ?? '', pid: Number(found[2]) });
    });
    child.once('exit', (code) => reject(new Error(`the controller ended (${String(code)}): see ${directory}/controller.log`)));
  });
  return {
    url,
    pid,
    startMs: performance.now() - began,
    async stop() {
      process.kill(pid, 'SIGTERM');
      await ended(child);
    },
  };
}

export interface Usage {
  /** MiB */
  readonly rss: number;
  /** Seconds of CPU since its start. */
  readonly cpu: number;
}

export function usageOf(pid: number): Usage {
  const status = readFileSync(`/proc/${String(pid)}/status`, 'utf8');
  const fields = readFileSync(`/proc/${String(pid)}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
  return { rss: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024, cpu: (Number(fields[11]) + Number(fields[12])) / 100 };
}

/** Proportional memory of PostgreSQL's processes, MiB: they share most of theirs. */
export function postgresMemory(postmaster: number): number {
  const pids = [postmaster, ...readFileSync(`/proc/${String(postmaster)}/task/${String(postmaster)}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)];
  let kib = 0;
  for (const pid of pids) {
    try {
      kib += Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${String(pid)}/smaps_rollup`, 'utf8'))?.[1] ?? 0);
    } catch {
      // A backend that has just ended.
    }
  }
  return kib / 1024;
}
