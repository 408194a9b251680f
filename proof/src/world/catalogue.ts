import type { TestDatabase } from '../database/test-database.ts';
import { canonical, type Row } from './canonical.ts';
import { until } from './until.ts';

/** What Godwit's own database holds when nothing is under way: groups, points, what must not be forgotten, jobs. */
export async function catalogueRows(database: TestDatabase, url: string): Promise<Row[]> {
  const [groups, points, windows, fences] = await Promise.all([
    database.query(url, 'SELECT doc FROM protection_groups'),
    database.query(url, 'SELECT doc FROM recovery_points'),
    database.query(url, 'SELECT closed_at IS NULL AS open FROM freeze_windows'),
    database.query(url, 'SELECT site, epoch, fenced_at IS NULL AS pending FROM pending_fences'),
  ]);
  return [
    ...groups.map((r) => ({ kind: 'group', ...(r['doc'] as object) })),
    ...points.map((r) => ({ kind: 'point', ...(r['doc'] as object) })),
    ...windows.map((r) => ({ kind: 'freeze window', open: r['open'] as boolean })),
    ...fences.map((r) => ({ kind: 'fence', site: r['site'] as string, epoch: r['epoch'] as number, pending: r['pending'] as boolean })),
  ];
}

export async function catalogue(database: TestDatabase, url: string): Promise<string[]> {
  return (await catalogueRows(database, url)).map(canonical).sort();
}

export interface JobRow {
  readonly id: string;
  readonly workflow: string;
  readonly key: string;
  readonly state: string;
  readonly executor: string | null;
  readonly ended: boolean;
  readonly error: { readonly code: string; readonly message: string; readonly details?: unknown } | null;
}

export async function jobRows(database: TestDatabase, url: string): Promise<JobRow[]> {
  return await database.query(url, `SELECT id, workflow, key, state, executor, ended_at IS NOT NULL AS ended, error FROM godwit_jobs ORDER BY created_at, id`) as unknown as JobRow[];
}

const same = (row: Row): Row => row;

/** The engine's own, and what loops write down of sites again and again. */
const passing = /^(godwit_.*|.*_migrations|resource_views|network_holders|identity_.*)$/;

/** What of a row is kept, but differs from run to run: digests of what has a unit's name in it, and what loops write down of what they have seen. */
const lasting: Readonly<Record<string, (row: Row) => Row>> = {
  resource_baselines: ({ digest: _, ...row }) => row,
  network_reports: ({ doc, ...row }) => ({ ...row, ports: (doc as Row)['ports'], remotePorts: (doc as Row)['remotePorts'] }),
  protection_groups: ({ doc, ...row }) => ({ ...row, doc: { ...(doc as Row), conditions: ((doc as Row)['conditions'] as Row[]).filter((c) => c['type'] !== 'Replicating') } }),
};

/** Every row of every table in which use cases keep what must not be lost: a table that is made tomorrow is among them. */
export async function everyRow(database: TestDatabase, url: string): Promise<Row[]> {
  const tables = await database.query<{ name: string }>(url, `SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'`);
  const rows = await Promise.all(tables.filter(({ name }) => !passing.test(name)).map(async ({ name }) =>
    (await database.query<{ row: object }>(url, `SELECT to_jsonb(t) AS row FROM "${name}" t`)).map(({ row }) => ({ kind: name, ...(lasting[name] ?? same)(row as Row) }))));
  return rows.flat();
}

/** Waits for many jobs by one question for all. */
export class JobPoll {
  readonly #look: () => Promise<JobRow[]>;
  #asking: Promise<JobRow[]> | undefined;

  constructor(database: TestDatabase, url: string) {
    this.#look = () => jobRows(database, url);
  }

  /** As they are now, or were some milliseconds ago. */
  rows(everyMs = 60): Promise<JobRow[]> {
    this.#asking ??= this.#look().finally(() => setTimeout(() => {
      this.#asking = undefined;
    }, everyMs));
    return this.#asking;
  }

  ended(jobId: string, timeoutMs: number): Promise<JobRow> {
    return until(`job ${jobId} has ended`, async () => (await this.rows()).find((j) => j.id === jobId && j.ended), timeoutMs, 60);
  }
}
