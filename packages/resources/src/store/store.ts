import type { ColumnType, Kysely } from 'kysely';

type Doc = ColumnType<unknown, string, string>;
type Time = ColumnType<Date, Date, Date>;

export interface Tables {
  resource_policies: { id: string; kind: string; project: string; name: string; doc: Doc };
  resource_baselines: { policy: string; key: string; digest: string };
  resource_audits: { policy: string; at: Time; doc: Doc };
  image_rollouts: { id: string; project: string; policy: string; at: Time; doc: Doc };
  resource_views: { site: string; project: string; kind: string; seen_at: Time; doc: Doc };
}

export type PolicyKind = 'image' | 'sync' | 'quota';

export interface StoredPolicy<T> {
  readonly id: string;
  /** `<domain>/<name>`; '' for a policy over all projects. */
  readonly project: string;
  readonly name: string;
  readonly doc: T;
}

export interface SeenView<T> {
  readonly site: string;
  readonly project: string;
  readonly seenAt: Date;
  readonly doc: T;
}

/** Policies, what sites agreed on, what they were last seen to have, rollouts. What is read was written by us, by its schema. */
export class Store {
  readonly #db: Kysely<Tables>;

  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  /** False: the project has a policy of that name already. */
  async insertPolicy<T>(kind: PolicyKind, policy: StoredPolicy<T>): Promise<boolean> {
    const done = await this.#db.insertInto('resource_policies').values({ ...policy, kind, doc: JSON.stringify(policy.doc) }).onConflict((c) => c.doNothing()).executeTakeFirst();
    return done.numInsertedOrUpdatedRows === 1n;
  }

  async policies<T>(kind: PolicyKind, project?: string): Promise<StoredPolicy<T>[]> {
    let query = this.#db.selectFrom('resource_policies').selectAll().where('kind', '=', kind).orderBy('name');
    if (project !== undefined) query = query.where('project', '=', project);
    return (await query.execute()).map(({ id, project: p, name, doc }) => ({ id, project: p, name, doc: doc as T }));
  }

  async policy<T>(id: string): Promise<StoredPolicy<T> | undefined> {
    const row = await this.#db.selectFrom('resource_policies').selectAll().where('id', '=', id).executeTakeFirst();
    return row && { id: row.id, project: row.project, name: row.name, doc: row.doc as T };
  }

  async deletePolicy(id: string): Promise<void> {
    await this.#db.deleteFrom('resource_policies').where('id', '=', id).execute();
  }

  /** Digest of each resource, by its key, as the sites last agreed. */
  async baseline(policy: string): Promise<Map<string, string>> {
    const rows = await this.#db.selectFrom('resource_baselines').select(['key', 'digest']).where('policy', '=', policy).execute();
    return new Map(rows.map((r) => [r.key, r.digest]));
  }

  async setBaseline(policy: string, entries: ReadonlyMap<string, string>, gone: readonly string[] = []): Promise<void> {
    const rows = [...entries].map(([key, digest]) => ({ policy, key, digest }));
    await this.#db.transaction().execute(async (trx) => {
      // A statement takes some 60,000 parameters at most.
      for (let n = 0; n < rows.length; n += 5_000) {
        await trx.insertInto('resource_baselines').values(rows.slice(n, n + 5_000)).onConflict((c) => c.columns(['policy', 'key']).doUpdateSet((e) => ({ digest: e.ref('excluded.digest') }))).execute();
      }
      for (let n = 0; n < gone.length; n += 5_000) await trx.deleteFrom('resource_baselines').where('policy', '=', policy).where('key', 'in', gone.slice(n, n + 5_000)).execute();
    });
  }

  async putAudit(policy: string, at: Date, doc: unknown): Promise<void> {
    const row = { at, doc: JSON.stringify(doc) };
    await this.#db.insertInto('resource_audits').values({ policy, ...row }).onConflict((c) => c.column('policy').doUpdateSet(row)).execute();
  }

  async audit<T>(policy: string): Promise<{ at: Date; doc: T } | undefined> {
    const row = await this.#db.selectFrom('resource_audits').selectAll().where('policy', '=', policy).executeTakeFirst();
    return row && { at: row.at, doc: row.doc as T };
  }

  async putRollout(id: string, project: string, policy: string, at: Date, doc: unknown): Promise<void> {
    await this.#db.insertInto('image_rollouts').values({ id, project, policy, at, doc: JSON.stringify(doc) }).onConflict((c) => c.column('id').doNothing()).execute();
  }

  async rollout<T>(id: string): Promise<{ project: string; policy: string; doc: T } | undefined> {
    const row = await this.#db.selectFrom('image_rollouts').selectAll().where('id', '=', id).executeTakeFirst();
    return row && { project: row.project, policy: row.policy, doc: row.doc as T };
  }

  /** Newest first. */
  async rollouts<T>(project?: string): Promise<{ id: string; project: string; policy: string; at: Date; doc: T }[]> {
    let query = this.#db.selectFrom('image_rollouts').selectAll().orderBy('at', 'desc').limit(200);
    if (project !== undefined) query = query.where('project', '=', project);
    return (await query.execute()).map((r) => ({ ...r, doc: r.doc as T }));
  }

  /** Changes a rollout under a row lock: a person's word and the job's progress do not overwrite each other. */
  async updateRollout<T>(id: string, change: (doc: T) => T): Promise<T | undefined> {
    return this.#db.transaction().execute(async (trx) => {
      const row = await trx.selectFrom('image_rollouts').select('doc').where('id', '=', id).forUpdate().executeTakeFirst();
      if (!row) return undefined;
      const next = change(row.doc as T);
      await trx.updateTable('image_rollouts').set({ doc: JSON.stringify(next) }).where('id', '=', id).execute();
      return next;
    });
  }

  async putView(site: string, project: string, kind: string, seenAt: Date, doc: unknown): Promise<void> {
    const row = { seen_at: seenAt, doc: JSON.stringify(doc) };
    await this.#db.insertInto('resource_views').values({ site, project, kind, ...row }).onConflict((c) => c.columns(['site', 'project', 'kind']).doUpdateSet(row)).execute();
  }

  async view<T>(site: string, project: string, kind: string): Promise<SeenView<T> | undefined> {
    const row = await this.#db.selectFrom('resource_views').selectAll().where('site', '=', site).where('project', '=', project).where('kind', '=', kind).executeTakeFirst();
    return row && { site: row.site, project: row.project, seenAt: row.seen_at, doc: row.doc as T };
  }
}
