import { projectKey } from '@godwit/sites';
import type { ColumnType, Kysely } from 'kysely';
import type { Group, RecoveryPoint } from '../schemas.ts';

type Json<T> = ColumnType<T, string, string>;
type Time = ColumnType<Date, Date, Date>;

export interface Tables {
  protection_groups: { id: string; project: string; name: string; epoch: number; doc: Json<Group> };
  recovery_points: { id: string; group_id: string; sequence: number; state: string; doc: Json<RecoveryPoint> };
  freeze_windows: { point_id: string; opened_at: Time; closed_at: ColumnType<Date | null, Date | null, Date | null> };
  pending_fences: {
    group_id: string;
    epoch: number;
    site: string;
    project: string;
    servers: Json<string[]>;
    fenced_at: ColumnType<Date | null, Date | null, Date | null>;
  };
  backup_targets: { source: string; target: string; verified_at: Time };
}

export interface Fence {
  readonly groupId: string;
  readonly epoch: number;
  readonly site: string;
  /** `<domain>/<name>` */
  readonly project: string;
  readonly servers: readonly string[];
}

/** The catalogue: groups, recovery points, and what a crash must not make us forget. */
export class Store {
  readonly #db: Kysely<Tables>;

  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  /** Returns false when the project has a group of that name already (another one). */
  async insertGroup(group: Group): Promise<boolean> {
    const done = await this.#db
      .insertInto('protection_groups')
      .values({ id: group.id, project: projectKey(group.project), name: group.name, epoch: group.epoch, doc: JSON.stringify(group) })
      .onConflict((c) => c.doNothing())
      .executeTakeFirst();
    return done.numInsertedOrUpdatedRows === 1n;
  }

  async group(id: string): Promise<Group | undefined> {
    return (await this.#db.selectFrom('protection_groups').select('doc').where('id', '=', id).executeTakeFirst())?.doc;
  }

  /** By name; at most `limit`, from behind the group `after` (an id) on. One that is gone meanwhile has nothing behind it. */
  async groups({ project, limit, after }: { readonly project?: string | undefined; readonly limit: number; readonly after?: string | undefined }): Promise<Group[]> {
    let query = this.#db.selectFrom('protection_groups').select('doc').orderBy('name').orderBy('id').limit(limit);
    if (project !== undefined) query = query.where('project', '=', project);
    if (after !== undefined) {
      query = query.where(({ eb, refTuple, selectFrom }) => eb(refTuple('name', 'id'), '>', selectFrom('protection_groups').select(['name', 'id']).where('id', '=', after).$asTuple('name', 'id')));
    }
    return (await query.execute()).map((r) => r.doc);
  }

  /** Those of this name, in one project or all. */
  async groupsNamed(name: string, project?: string): Promise<Group[]> {
    let query = this.#db.selectFrom('protection_groups').select('doc').where('name', '=', name);
    if (project !== undefined) query = query.where('project', '=', project);
    return (await query.execute()).map((r) => r.doc);
  }

  /**
   * Changes a group under a row lock. What an older epoch asks for is refused: `undefined` is returned, and the caller must stop.
   */
  async updateGroup(id: string, epoch: number, change: (group: Group) => Group): Promise<Group | undefined> {
    return this.#db.transaction().execute(async (trx) => {
      const row = await trx.selectFrom('protection_groups').select('doc').where('id', '=', id).where('epoch', '=', epoch).forUpdate().executeTakeFirst();
      if (!row) return undefined;
      const next: Group = { ...change(row.doc), updatedAt: new Date().toISOString() };
      await trx.updateTable('protection_groups').set({ epoch: next.epoch, doc: JSON.stringify(next) }).where('id', '=', id).execute();
      return next;
    });
  }

  /** What is still to be fenced stays: a group that is forgotten must not come alive twice. */
  async deleteGroup(id: string): Promise<void> {
    await this.#db.deleteFrom('protection_groups').where('id', '=', id).execute();
    await this.#db.deleteFrom('pending_fences').where('group_id', '=', id).where('fenced_at', 'is not', null).execute();
  }

  async putPoint(point: RecoveryPoint): Promise<void> {
    const row = { group_id: point.groupId, sequence: point.sequence, state: point.state, doc: JSON.stringify(point) };
    await this.#db
      .insertInto('recovery_points')
      .values({ id: point.id, ...row })
      .onConflict((c) => c.column('id').doUpdateSet(row))
      .execute();
  }

  async point(id: string): Promise<RecoveryPoint | undefined> {
    return (await this.#db.selectFrom('recovery_points').select('doc').where('id', '=', id).executeTakeFirst())?.doc;
  }

  /** Oldest first. */
  async points(groupId: string): Promise<RecoveryPoint[]> {
    return (await this.#db.selectFrom('recovery_points').select('doc').where('group_id', '=', groupId).orderBy('sequence').execute()).map((r) => r.doc);
  }

  /** And what was noted of its freeze window: nothing of a deleted point is asked for again. */
  async deletePoint(id: string): Promise<void> {
    await this.#db.deleteFrom('freeze_windows').where('point_id', '=', id).execute();
    await this.#db.deleteFrom('recovery_points').where('id', '=', id).execute();
  }

  /**
   * False: a window was opened for this point before, by a process that did not live to close it. Asked again with the same `now` (the answer
   * was lost with the database), it finds its own.
   */
  async openWindow(pointId: string, now: Date): Promise<boolean> {
    const mine = await this.#db
      .insertInto('freeze_windows')
      .values({ point_id: pointId, opened_at: now, closed_at: null })
      .onConflict((c) => c.column('point_id').doUpdateSet({ opened_at: now }).where('freeze_windows.opened_at', '=', now).where('freeze_windows.closed_at', 'is', null))
      .returning('point_id')
      .execute();
    return mine.length === 1;
  }

  async closeWindow(pointId: string, now: Date): Promise<void> {
    await this.#db.updateTable('freeze_windows').set({ closed_at: now }).where('point_id', '=', pointId).where('closed_at', 'is', null).execute();
  }

  async putFence(fence: Fence): Promise<void> {
    await this.#db
      .insertInto('pending_fences')
      .values({ group_id: fence.groupId, epoch: fence.epoch, site: fence.site, project: fence.project, servers: JSON.stringify(fence.servers), fenced_at: null })
      .onConflict((c) => c.doNothing())
      .execute();
  }

  async fences(): Promise<Fence[]> {
    const rows = await this.#db.selectFrom('pending_fences').selectAll().where('fenced_at', 'is', null).execute();
    return rows.map((r) => ({ groupId: r.group_id, epoch: r.epoch, site: r.site, project: r.project, servers: r.servers }));
  }

  async fenced(fence: Pick<Fence, 'groupId' | 'epoch' | 'site'>, now: Date): Promise<void> {
    await this.#db.updateTable('pending_fences').set({ fenced_at: now }).where('group_id', '=', fence.groupId).where('epoch', '=', fence.epoch).where('site', '=', fence.site).execute();
  }

  async targetVerifiedAt(source: string, target: string): Promise<Date | undefined> {
    return (await this.#db.selectFrom('backup_targets').select('verified_at').where('source', '=', source).where('target', '=', target).executeTakeFirst())?.verified_at;
  }

  async targetVerified(source: string, target: string, at: Date): Promise<void> {
    await this.#db
      .insertInto('backup_targets')
      .values({ source, target, verified_at: at })
      .onConflict((c) => c.columns(['source', 'target']).doUpdateSet({ verified_at: at }))
      .execute();
  }
}
