import { setTimeout as sleep } from 'node:timers/promises';
import type { Job, JobEvent } from '@godwit/workflow';
import { makeWorld, spec, type TokenName, type World } from '../../server/test/world.ts';
import { type Fetch, type Io, runCli } from '../src/index.ts';

export const now = new Date('2026-01-02T03:14:05.000Z');

export interface RunOptions {
  readonly as?: TokenName;
  readonly env?: Record<string, string>;
  readonly fetch?: Fetch;
  /** stdout and stderr are terminals of this width. */
  readonly tty?: number;
  /** Answer to every question; left out: nobody to ask. */
  readonly answer?: boolean;
  readonly login?: Io['login'];
  /** Given what acts as Ctrl-C. */
  readonly interrupt?: (press: () => void) => void;
}

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly asked: readonly string[];
}

/** The program against a server over fakes, on loopback. */
export async function makeBench() {
  const world = await makeWorld({ keepAliveMs: 50 });
  const url = await world.app.listen({ host: '127.0.0.1', port: 0 });

  async function run(line: string | readonly string[], options: RunOptions = {}): Promise<Ran> {
    let [out, err] = ['', ''];
    const asked: string[] = [];
    const presses = new Set<() => void>();
    const terminal = options.tty === undefined ? {} : { isTTY: true, columns: options.tty };
    const io: Io = {
      stdout: { write: (t: string) => (out += t), ...terminal },
      stderr: { write: (t: string) => (err += t), ...terminal },
      env: { GODWIT_URL: url, OS_TOKEN: `tok-${options.as ?? 'member'}`, ...options.env },
      fetch: options.fetch ?? (fetch as Fetch),
      now: () => now,
      sleep: async (ms, signal) => {
        await sleep(Math.min(ms, 5), undefined, signal ? { signal } : {});
      },
      onInterrupt: (callback) => {
        presses.add(callback);
        return () => presses.delete(callback);
      },
      ...(options.answer !== undefined && {
        confirm: (question: string) => {
          asked.push(question);
          return Promise.resolve(options.answer === true);
        },
      }),
      ...(options.login && { login: options.login }),
    };
    options.interrupt?.(() => presses.forEach((p) => p()));
    const code = await runCli(typeof line === 'string' ? line.split(' ') : line, io, '9.9.9');
    return { code, out, err, asked };
  }

  return { world, url, run, close: () => world.app.close() };
}
export type Bench = Awaited<ReturnType<typeof makeBench>>;

/** A group of the member's project, and one recovery point of it. */
export async function populate(world: World) {
  const caller = { userId: 'u', userName: 'mark', project: { name: 'vnf', domain: 'Default' }, admin: false };
  const group = await world.protection.createGroup(caller, spec);
  const id = '00000000-0000-4000-8000-000000000001';
  world.protection.points.set(id, {
    id, groupId: group.id, groupName: 'vnf', epoch: 1, sequence: 1, state: 'Available', consistency: 'application', sourceSite: 'site1', recoverySite: 'site2',
    incremental: false, createdAt: '2026-01-02T03:04:05.000Z', frozenAt: '2026-01-02T03:04:05.000Z', freezeWindowMs: 1234.5, groupSnapshotMs: 900,
    volumes: [{ volumeId: 'v1', name: 'vm1-root', sizeGiB: 1, device: '/dev/vda', backupId: 'b1', incremental: false, chain: ['b1'] }],
    manifest: { imageId: 'img', sha256: 'aa' },
  });
  return { group, point: id };
}

type Act = [type: JobEvent['type'], data: JobEvent['data'], step?: string];

/** Plays every job that is begun: its events, then its end. */
export function playJobs(world: World, acts: readonly Act[], end: Partial<Job>): void {
  world.protection.play = (id) => {
    void (async () => {
      await sleep(5);
      world.jobs.update(id, { state: 'running' });
      for (const [type, data, step] of acts) world.jobs.emit(id, type, data, step);
      world.jobs.update(id, end);
    })();
  };
}
