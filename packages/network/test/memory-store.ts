import type { GatewayLead, NetworkRecord, NetworkStore, ReconcileReport, VipRecord } from '../src/index.ts';

/** The store without a database; with the database's one writer at a time. */
export class MemoryStore implements NetworkStore {
  readonly records = new Map<string, NetworkRecord>();
  readonly reports = new Map<string, { report: ReconcileReport; placed: readonly string[] }>();
  readonly holders = new Map<string, { holder: string; until: Date }>();

  insert(record: NetworkRecord): Promise<boolean> {
    if ([...this.records.values()].some((r) => r.project === record.project && r.name === record.name)) return Promise.resolve(false);
    this.records.set(record.id, structuredClone(record));
    return Promise.resolve(true);
  }
  get(id: string): Promise<NetworkRecord | undefined> {
    return Promise.resolve(structuredClone(this.records.get(id)));
  }
  list(project?: string): Promise<NetworkRecord[]> {
    return Promise.resolve(structuredClone([...this.records.values()].filter((r) => project === undefined || r.project === project)));
  }
  update(id: string, change: (record: NetworkRecord) => NetworkRecord): Promise<NetworkRecord | undefined> {
    const record = this.records.get(id);
    if (record) this.records.set(id, structuredClone(change(record)));
    return this.get(id);
  }
  takeVni(id: string, vni: number, kind: 'vni' | 'transitVni' = 'vni'): Promise<boolean> {
    const record = this.records.get(id);
    if ([...this.records.values()].some((r) => r.id !== id && r[kind] === vni)) return Promise.resolve(false);
    if (record) this.records.set(id, { ...record, [kind]: vni });
    return Promise.resolve(true);
  }
  delete(id: string): Promise<void> {
    this.records.delete(id);
    this.reports.delete(id);
    this.holders.delete(id);
    return Promise.resolve();
  }
  readonly vipRows = new Map<string, VipRecord>();
  insertVip(vip: VipRecord): Promise<boolean> {
    if ([...this.vipRows.values()].some((v) => v.project === vip.project && v.name === vip.name)) return Promise.resolve(false);
    this.vipRows.set(vip.id, structuredClone(vip));
    return Promise.resolve(true);
  }
  vips(network?: string): Promise<VipRecord[]> {
    return Promise.resolve(structuredClone([...this.vipRows.values()].filter((v) => network === undefined || v.network === network)));
  }
  vip(id: string): Promise<VipRecord | undefined> {
    return Promise.resolve(structuredClone(this.vipRows.get(id)));
  }
  async updateVip(id: string, change: (vip: VipRecord) => VipRecord): Promise<VipRecord | undefined> {
    const vip = this.vipRows.get(id);
    if (vip) this.vipRows.set(id, structuredClone(change(vip)));
    return this.vip(id);
  }
  deleteVip(id: string): Promise<void> {
    this.vipRows.delete(id);
    return Promise.resolve();
  }
  putReport(id: string, report: ReconcileReport, placed: readonly string[]): Promise<void> {
    if (this.records.has(id)) this.reports.set(id, structuredClone({ report, placed }));
    return Promise.resolve();
  }
  report(id: string): Promise<{ report: ReconcileReport; placed: readonly string[] } | undefined> {
    return Promise.resolve(structuredClone(this.reports.get(id)));
  }
  hold(id: string, holder: string, now: Date, until: Date): Promise<boolean> {
    const there = this.holders.get(id);
    if (!this.records.has(id) || (there && there.holder !== holder && there.until >= now)) return Promise.resolve(false);
    this.holders.set(id, { holder, until });
    return Promise.resolve(true);
  }
  readonly leads = new Map<string, GatewayLead>();
  gatewayLeads(): Promise<GatewayLead[]> {
    return Promise.resolve([...this.leads.values()]);
  }
  putGatewayLead(lead: GatewayLead, before: number): Promise<boolean> {
    if ((this.leads.get(lead.site)?.epoch ?? 0) !== before) return Promise.resolve(false);
    this.leads.set(lead.site, lead);
    return Promise.resolve(true);
  }
  release(id: string, holder: string): Promise<void> {
    if (this.holders.get(id)?.holder === holder) this.holders.delete(id);
    return Promise.resolve();
  }
}
