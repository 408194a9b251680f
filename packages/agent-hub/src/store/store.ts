import type { AgentReport } from '@godwit/agent';
import { type Kysely, type Selectable, sql } from 'kysely';
import type { StoredAuthority } from '../ca/authority.ts';
import type { Tables } from './tables.ts';

export type AgentRow = Selectable<Tables['godwit_agents']>;

/** A controller whose row stood still for so long holds no connections. */
const deadAfter = sql`interval '30 seconds'`;
const now = sql<Date>`clock_timestamp()`;

export interface Arrival {
  readonly agentId: string;
  readonly receivedAt: Date;
  readonly skewMs: number;
  readonly report: AgentReport;
}

export interface Place {
  readonly controllers: readonly string[];
  readonly last: Arrival | undefined;
}

/** What all controllers of a database know of agents. */
export class Store {
  readonly db: Kysely<Tables>;

  constructor(db: Kysely<Tables>) {
    this.db = db;
  }

  /** The CA; made by whoever comes first. */
  async authority(make: () => Promise<StoredAuthority>): Promise<StoredAuthority> {
    const read = async (): Promise<StoredAuthority | undefined> => {
      const row = await this.db.selectFrom('godwit_agent_ca').selectAll().executeTakeFirst();
      return row && { certificate: row.certificate, sealedKey: row.sealed_key };
    };
    const found = await read();
    if (found) return found;
    const made = await make();
    await this.db.insertInto('godwit_agent_ca').values({ id: 1, certificate: made.certificate, sealed_key: made.sealedKey }).onConflict((c) => c.doNothing()).execute();
    return (await read()) ?? made;
  }

  async reseal(before: StoredAuthority, after: StoredAuthority): Promise<void> {
    await this.db.updateTable('godwit_agent_ca').set({ sealed_key: after.sealedKey }).where('sealed_key', '=', before.sealedKey).execute();
  }

  agents(): Promise<AgentRow[]> {
    return this.db.selectFrom('godwit_agents').selectAll().orderBy('name').execute();
  }

  agent(nameOrId: string): Promise<AgentRow | undefined> {
    const byId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(nameOrId);
    return this.db.selectFrom('godwit_agents').selectAll().where(byId ? 'id' : 'name', '=', nameOrId).executeTakeFirst();
  }

  agentOfCertificate(sha256: string): Promise<AgentRow | undefined> {
    return this.db.selectFrom('godwit_agents').selectAll().where((e) => e.or([e('cert_sha256', '=', sha256), e('previous_cert_sha256', '=', sha256)])).executeTakeFirst();
  }

  /** The new certificate has been used: the one before it is good no more. */
  async confirm(agentId: string, sha256: string): Promise<void> {
    await this.db.updateTable('godwit_agents').set({ previous_cert_sha256: null, previous_cert_expires_at: null }).where('id', '=', agentId).where('cert_sha256', '=', sha256).execute();
  }

  /** A renewal; the certificate that asked for it stays good until the new one is used. False: it is good no more. */
  async renew(agentId: string, asking: { sha256: string; expiresAt: Date }, issued: { sha256: string; expiresAt: Date }): Promise<boolean> {
    const done = await this.db
      .updateTable('godwit_agents')
      .set({ cert_sha256: issued.sha256, cert_expires_at: issued.expiresAt, previous_cert_sha256: asking.sha256, previous_cert_expires_at: asking.expiresAt })
      .where('id', '=', agentId)
      .where('revoked_at', 'is', null)
      .where((e) => e.or([e('cert_sha256', '=', asking.sha256), e('previous_cert_sha256', '=', asking.sha256)]))
      .executeTakeFirst();
    return done.numUpdatedRows === 1n;
  }

  async revoke(id: string): Promise<void> {
    await this.db.transaction().execute(async (trx) => {
      await trx.updateTable('godwit_agents').set({ revoked_at: now }).where('id', '=', id).where('revoked_at', 'is', null).execute();
      await trx.updateTable('godwit_agent_changes').set({ n: sql`n + 1` }).execute();
    });
  }

  async remove(id: string, name: string): Promise<void> {
    await this.db.transaction().execute(async (trx) => {
      await trx.deleteFrom('godwit_agents').where('id', '=', id).execute();
      // Tokens of its name, too: one that was not used yet would bring it back.
      await trx.deleteFrom('godwit_agent_tokens').where('name', '=', name).execute();
      await trx.updateTable('godwit_agent_changes').set({ n: sql`n + 1` }).execute();
    });
  }

  async changes(): Promise<string> {
    return (await this.db.selectFrom('godwit_agent_changes').select('n').executeTakeFirst())?.n ?? '0';
  }

  /** Of these, those that may not be connected (any more). */
  async barred(ids: readonly string[]): Promise<string[]> {
    if (ids.length === 0) return [];
    const good = await this.db.selectFrom('godwit_agents').select('id').where('id', 'in', [...ids]).where('revoked_at', 'is', null).execute();
    const known = new Set(good.map((r) => r.id));
    return ids.filter((id) => !known.has(id));
  }

  async beat(controller: string, advertise: string | undefined): Promise<void> {
    await this.db
      .insertInto('godwit_agent_controllers')
      .values({ id: controller, advertise: advertise ?? null, beat_at: now })
      .onConflict((c) => c.column('id').doUpdateSet({ advertise: advertise ?? null, beat_at: now }))
      .execute();
  }

  async leave(controller: string): Promise<void> {
    await this.db.deleteFrom('godwit_agent_presence').where('controller', '=', controller).execute();
    await this.db.deleteFrom('godwit_agent_controllers').where('id', '=', controller).execute();
  }

  async advertised(): Promise<string[]> {
    // One that died is told for a day still: it is likely to come back.
    const rows = await this.db.selectFrom('godwit_agent_controllers').select('advertise').where('beat_at', '>', sql<Date>`clock_timestamp() - interval '1 day'`).orderBy('id').execute();
    return rows.flatMap((r) => (r.advertise === null ? [] : [r.advertise]));
  }

  async arrived(controller: string, agentIds: readonly string[]): Promise<void> {
    for (const part of chunks(agentIds)) {
      // One that was removed meanwhile is passed over, lest it hold up the others.
      await sql`insert into godwit_agent_presence (agent_id, controller, since)
        select a.id, ${controller}, clock_timestamp() from godwit_agents a where a.id = any(${part}::uuid[]) on conflict do nothing`.execute(this.db);
    }
  }

  async left(controller: string, agentIds: readonly string[]): Promise<void> {
    for (const part of chunks(agentIds)) await this.db.deleteFrom('godwit_agent_presence').where('controller', '=', controller).where('agent_id', 'in', part).execute();
  }

  async saveReports(arrivals: readonly Arrival[]): Promise<void> {
    for (const part of chunks(arrivals)) {
      const rows = JSON.stringify(part.map((a) => ({ id: a.agentId, at: a.receivedAt.toISOString(), skew: a.skewMs, report: a.report })));
      await sql`insert into godwit_agent_reports (agent_id, received_at, skew_ms, report)
        select r.id, r.at, r.skew, r.report from jsonb_to_recordset(${rows}::jsonb) as r(id uuid, at timestamptz, skew integer, report jsonb) join godwit_agents a on a.id = r.id
        on conflict (agent_id) do update set received_at = excluded.received_at, skew_ms = excluded.skew_ms, report = excluded.report
        where godwit_agent_reports.received_at < excluded.received_at`.execute(this.db);
    }
  }

  /** Where agents are connected, and what those of `reportsOf` reported last. */
  async places(ids: readonly string[], reportsOf: readonly string[] = ids): Promise<ReadonlyMap<string, Place>> {
    if (ids.length === 0) return new Map();
    const presence = await this.db
      .selectFrom('godwit_agent_presence as p')
      .innerJoin('godwit_agent_controllers as c', 'c.id', 'p.controller')
      .select(['p.agent_id', 'p.controller'])
      .where('p.agent_id', 'in', [...ids])
      .where('c.beat_at', '>', sql<Date>`clock_timestamp() - ${deadAfter}`)
      .execute();
    const reports = reportsOf.length === 0 ? [] : await this.db.selectFrom('godwit_agent_reports').selectAll().where('agent_id', 'in', [...reportsOf]).execute();
    const last = new Map(reports.map((r): [string, Arrival] => [r.agent_id, { agentId: r.agent_id, receivedAt: r.received_at, skewMs: r.skew_ms, report: r.report }]));
    const at = new Map<string, string[]>();
    for (const p of presence) at.set(p.agent_id, [...(at.get(p.agent_id) ?? []), p.controller]);
    return new Map(ids.map((id) => [id, { controllers: at.get(id) ?? [], last: last.get(id) }]));
  }
}

function chunks<T>(items: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(items.length / 200) }, (_, i) => items.slice(i * 200, (i + 1) * 200));
}
