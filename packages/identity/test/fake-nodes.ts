import { createHash } from 'node:crypto';
import { GodwitError } from '@godwit/sites';
import type { CredentialReport, DatabaseReport, HostPort, KeyKind, KeyOrder, KeySet, KeystoneNodes, KeystoneSettings, NodeReport, NodeState, RepositoryReport } from '../src/nodes.ts';

export const hash = (key: string): string => createHash('sha256').update(key, 'ascii').digest('hex');

/** One Keystone node as it behaves: its files are changed one by one, it may die between two of them, and it serves whether its agent is heard or not. */
export class FakeNode {
  readonly name: string;
  readonly site: string;
  readonly repositories: Record<KeyKind, { files: Map<string, string>; generation: number }> = {
    fernet: { files: new Map(), generation: 0 },
    credential: { files: new Map(), generation: 0 },
  };
  /** Its agent is heard. */
  connected = true;
  /** It runs. */
  on = true;
  diskFull = false;
  skewMs = 0;
  held: string | null = null;
  database: DatabaseReport;
  keystone: KeystoneSettings | undefined;
  /** After so many more changes of files the node loses its power; -1: never. */
  diesAfter = -1;
  readonly calls: string[] = [];

  constructor(name: string, site: string, database: DatabaseReport) {
    this.name = name;
    this.site = site;
    this.database = database;
  }

  primary(kind: KeyKind = 'fernet'): string | undefined {
    const files = this.repositories[kind].files;
    return files.get(String(Math.max(...[...files.keys()].map(Number))));
  }

  accepts(key: string, kind: KeyKind = 'fernet'): boolean {
    return [...this.repositories[kind].files.values()].includes(key);
  }
}

export const member = (gtid = '10-1-100', more: Partial<DatabaseReport> = {}): DatabaseReport => ({
  role: 'member', readOnly: false, gtidCurrent: gtid, cluster: { size: 3, status: 'Primary', ready: true, state: 'Synced' }, problems: [], ...more,
});
export const replica = (source: HostPort, gtid = '10-1-100', more: Partial<DatabaseReport> = {}): DatabaseReport => ({
  role: 'replica', readOnly: true, gtidSlave: gtid, gtidCurrent: gtid, source, ioRunning: true, sqlRunning: true, lagSeconds: 0, problems: [], ...more,
});

export class FakeNodes implements KeystoneNodes {
  readonly nodes = new Map<string, FakeNode>();
  readonly #now: () => Date;
  /** Called at every change of a file: the test looks at the world there. */
  onChange: () => void = () => undefined;
  stale = 0;
  seedFails = false;
  repointFails: GodwitError | undefined;

  constructor(now: () => Date) {
    this.#now = now;
  }

  add(node: FakeNode): FakeNode {
    this.nodes.set(node.name, node);
    return node;
  }

  node(name: string): FakeNode {
    const found = this.nodes.get(name);
    if (!found) throw new Error(`no node ${name}`);
    return found;
  }

  list(): Promise<NodeState[]> {
    return Promise.resolve([...this.nodes.values()].map((n) => ({ name: n.name, site: n.site, connected: n.on && n.connected, lastSeen: this.#now().toISOString(), report: this.#report(n) })));
  }

  async report(name: string): Promise<NodeReport> {
    return this.#report(await this.#reach(name));
  }

  async applyKeys(name: string, order: KeyOrder): Promise<RepositoryReport> {
    const node = await this.#reach(name);
    const repository = node.repositories[order.kind];
    node.calls.push(`apply ${order.kind} ${order.generation}`);
    if (order.generation < repository.generation) throw new GodwitError('GW_AGENT_GENERATION_OLD' as never, 'terminal', 'older than what is there');
    const may = new Set([...Object.values(order.keys).map(hash), ...order.drop]);
    const kept = [...repository.files].find(([, key]) => !may.has(hash(key)));
    if (kept) throw new GodwitError('GW_AGENT_KEY_NEEDED' as never, 'terminal', `key ${kept[0]} is not known`);
    if (node.diskFull) throw new GodwitError('GW_AGENT_DISK_FULL' as never, 'waiting', 'no space left on the device');
    const change = async (work: () => void): Promise<void> => {
      await Promise.resolve();
      if (!node.on) throw new GodwitError('GW_AGENT_AWAY' as never, 'waiting', 'the node is gone');
      if (node.diesAfter === 0) {
        node.on = false;
        node.diesAfter = -1;
        throw new GodwitError('GW_AGENT_AWAY' as never, 'waiting', 'the connection broke');
      }
      if (node.diesAfter > 0) node.diesAfter--;
      work();
      this.onChange();
    };
    for (const [index, key] of Object.entries(order.keys)) if (!repository.files.has(index)) await change(() => repository.files.set(index, key));
    for (const [index, key] of Object.entries(order.keys)) if (repository.files.get(index) !== key) await change(() => repository.files.set(index, key));
    for (const index of [...repository.files.keys()]) if (!(index in order.keys)) await change(() => repository.files.delete(index));
    repository.generation = order.generation;
    await change(() => undefined);
    return this.#repository(node, order.kind);
  }

  async readKeys(name: string, kind: KeyKind): Promise<KeySet> {
    return Object.fromEntries((await this.#reach(name)).repositories[kind].files);
  }

  async migrateCredentials(name: string): Promise<CredentialReport> {
    (await this.#reach(name)).calls.push('migrate');
    return { total: 7, stale: this.stale };
  }

  async repoint(name: string, source: HostPort): Promise<DatabaseReport> {
    const node = await this.#reach(name);
    node.calls.push(`repoint ${source.host}:${source.port}`);
    if (this.repointFails) throw this.repointFails;
    node.database = { ...node.database, source, ioRunning: true, sqlRunning: true, lagSeconds: 0 };
    return node.database;
  }

  async seed(name: string, source: HostPort, options: { force: boolean }): Promise<DatabaseReport> {
    const node = await this.#reach(name);
    node.calls.push(`seed ${source.host}:${source.port}${options.force ? ' force' : ''}`);
    if (this.seedFails) throw new GodwitError('GW_AGENT_SEED_FAILED' as never, 'retryable', 'the dump broke');
    node.database = replica(source, [...this.nodes.values()].find((n) => n.database.role === 'member')?.database.gtidCurrent);
    return node.database;
  }

  async hold(name: string, reason: string | null): Promise<void> {
    const node = await this.#reach(name);
    node.calls.push(`hold ${reason === null ? 'off' : 'on'}`);
    node.held = reason;
  }

  async #reach(name: string): Promise<FakeNode> {
    await Promise.resolve();
    const node = this.node(name);
    if (node.on && node.connected) return node;
    throw new GodwitError('GW_AGENT_AWAY' as never, 'waiting', `${name} is not connected`);
  }

  #report(n: FakeNode): NodeReport {
    const at = this.#now();
    return {
      at: at.toISOString(), clock: new Date(at.getTime() + n.skewMs).toISOString(), agentVersion: '1', diskFreeBytes: n.diskFull ? 0 : 1e9,
      repositories: [this.#repository(n, 'fernet'), this.#repository(n, 'credential')], database: n.database,
      ready: { ok: n.held === null, reasons: n.held === null ? [] : [{ code: 'GW_AGENT_HELD', message: n.held }] }, ...(n.keystone && { keystone: n.keystone }), ...(n.held !== null && { held: n.held }),
    };
  }

  #repository(n: FakeNode, kind: KeyKind): RepositoryReport {
    const { files, generation } = n.repositories[kind];
    const keys = [...files].sort(([a], [b]) => Number(a) - Number(b)).map(([index, key]) => ({ index, sha256: hash(key) }));
    return { kind, path: `/etc/keystone/${kind}-keys`, generation, keys, problems: [] };
  }
}
