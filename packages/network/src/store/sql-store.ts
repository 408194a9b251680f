import { sql, type ColumnType, type Kysely } from 'kysely';
import type { ReconcileReport } from '../schemas.ts';
import type { GatewayLead } from '../gateway/types.ts';
import type { VipRecord } from '../vip/types.ts';
import type { NetworkRecord, NetworkStore } from './types.ts';

type Doc = ColumnType<unknown, string, string>;
type Time = ColumnType<Date, Date, Date>;

export interface NetworkTables {
  stretched_networks: { id: string; project: string; name: string; doc: Doc };
  network_reports: { network: string; doc: Doc; placed: Doc };
  network_vips: { id: string; network: string; project: string; name: string; doc: Doc };
  network_gateway_leads: { site: string; epoch: number; doc: Doc };
  network_holders: { network: string; holder: string; until: Time };
}

const vniLock = 0x676f6476; // "godv"

/** What is read was written by us, by its type. */
export class SqlNetworkStore implements NetworkStore {
  readonly #db: Kysely<NetworkTables>;

  constructor(db: Kysely<NetworkTables>) {
    this.#db = db;
  }

  async insert(record: NetworkRecord): Promise<boolean> {
    const { id, project, name } = record;
    const done = await this.#db.insertInto('stretched_networks').values({ id, project, name, doc: JSON.stringify(record) }).onConflict((c) => c.doNothing()).executeTakeFirst();
    return done.numInsertedOrUpdatedRows === 1n;
  }

  async get(id: string): Promise<NetworkRecord | undefined> {
    const row = await this.#db.selectFrom('stretched_networks').select('doc').where('id', '=', id).executeTakeFirst();
    return row?.doc as NetworkRecord | undefined;
  }

  async list(project?: string): Promise<NetworkRecord[]> {
    let query = this.#db.selectFrom('stretched_networks').select('doc').orderBy('name');
    if (project !== undefined) query = query.where('project', '=', project);
    return (await query.execute()).map((r) => r.doc as NetworkRecord);
  }

  async update(id: string, change: (record: NetworkRecord) => NetworkRecord): Promise<NetworkRecord | undefined> {
    return this.#db.transaction().execute(async (trx) => {
      const row = await trx.selectFrom('stretched_networks').select('doc').where('id', '=', id).forUpdate().executeTakeFirst();
      if (!row) return undefined;
      const next = change(row.doc as NetworkRecord);
      await trx.updateTable('stretched_networks').set({ doc: JSON.stringify(next) }).where('id', '=', id).execute();
      return next;
    });
  }

  async takeVni(id: string, vni: number, kind: 'vni' | 'transitVni' = 'vni'): Promise<boolean> {
    return this.#db.transaction().execute(async (trx) => {
      // No unique index: two networks that are adopted at different sites may have the same one.
      await sql`select pg_advisory_xact_lock(${vniLock})`.execute(trx);
      const { rows } = await sql`select 1 from stretched_networks where id <> ${id} and doc->${kind}::text = ${JSON.stringify(vni)}::jsonb`.execute(trx);
      if (rows.length > 0) return false;
      await sql`update stretched_networks set doc = doc || ${JSON.stringify({ [kind]: vni })}::jsonb where id = ${id}`.execute(trx);
      return true;
    });
  }

  async delete(id: string): Promise<void> {
    await this.#db.deleteFrom('stretched_networks').where('id', '=', id).execute();
  }

  async insertVip(vip: VipRecord): Promise<boolean> {
    const { id, network, project, name } = vip;
    const done = await this.#db.insertInto('network_vips').values({ id, network, project, name, doc: JSON.stringify(vip) }).onConflict((c) => c.doNothing()).executeTakeFirst();
    return done.numInsertedOrUpdatedRows === 1n;
  }

  async vips(network?: string): Promise<VipRecord[]> {
    let query = this.#db.selectFrom('network_vips').select('doc').orderBy('name');
    if (network !== undefined) query = query.where('network', '=', network);
    return (await query.execute()).map((r) => r.doc as VipRecord);
  }

  async vip(id: string): Promise<VipRecord | undefined> {
    return (await this.#db.selectFrom('network_vips').select('doc').where('id', '=', id).executeTakeFirst())?.doc as VipRecord | undefined;
  }

  async updateVip(id: string, change: (vip: VipRecord) => VipRecord): Promise<VipRecord | undefined> {
    return this.#db.transaction().execute(async (trx) => {
      const row = await trx.selectFrom('network_vips').select('doc').where('id', '=', id).forUpdate().executeTakeFirst();
      if (!row) return undefined;
      const next = change(row.doc as VipRecord);
      await trx.updateTable('network_vips').set({ doc: JSON.stringify(next) }).where('id', '=', id).execute();
      return next;
    });
  }

  async deleteVip(id: string): Promise<void> {
    await this.#db.deleteFrom('network_vips').where('id', '=', id).execute();
  }

  async putReport(id: string, report: ReconcileReport, placed: readonly string[]): Promise<void> {
    const row = { doc: JSON.stringify(report), placed: JSON.stringify(placed) };
    // Not for a network that was forgotten meanwhile.
    await sql`insert into network_reports (network, doc, placed) select id, ${row.doc}::jsonb, ${row.placed}::jsonb from stretched_networks where id = ${id}
      on conflict (network) do update set doc = excluded.doc, placed = excluded.placed`.execute(this.#db);
  }

  async report(id: string): Promise<{ report: ReconcileReport; placed: readonly string[] } | undefined> {
    const row = await this.#db.selectFrom('network_reports').selectAll().where('network', '=', id).executeTakeFirst();
    return row && { report: row.doc as ReconcileReport, placed: row.placed as string[] };
  }

  async hold(id: string, holder: string, now: Date, until: Date): Promise<boolean> {
    const { rows } = await sql<{ holder: string }>`insert into network_holders (network, holder, until) select id, ${holder}, ${until} from stretched_networks where id = ${id}
      on conflict (network) do update set holder = excluded.holder, until = excluded.until where network_holders.holder = ${holder} or network_holders.until < ${now} returning holder`.execute(this.#db);
    return rows.length === 1;
  }

  async gatewayLeads(): Promise<GatewayLead[]> {
    return (await this.#db.selectFrom('network_gateway_leads').select('doc').execute()).map((r) => r.doc as GatewayLead);
  }

  async putGatewayLead(lead: GatewayLead, before: number): Promise<boolean> {
    const row = { site: lead.site, epoch: lead.epoch, doc: JSON.stringify(lead) };
    const done = before === 0
      ? await this.#db.insertInto('network_gateway_leads').values(row).onConflict((c) => c.doNothing()).executeTakeFirst().then((r) => r.numInsertedOrUpdatedRows)
      : await this.#db.updateTable('network_gateway_leads').set({ epoch: row.epoch, doc: row.doc }).where('site', '=', lead.site).where('epoch', '=', before).executeTakeFirst().then((r) => r.numUpdatedRows);
    return done === 1n;
  }

  async release(id: string, holder: string): Promise<void> {
    await this.#db.deleteFrom('network_holders').where('network', '=', id).where('holder', '=', holder).execute();
  }
}
