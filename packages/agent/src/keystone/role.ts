import type { KeystoneConfig } from '../node/config.ts';
import type { Files } from '../node/files.ts';
import type { Log } from '../node/log.ts';
import { handler, type Handler, type Role } from '../node/role.ts';
import { AgentError, reason } from '../protocol/errors.ts';
import { type DatabaseReport, keystone, type KeyKind, type KeystoneReport, type KeystoneSettings, type RepositoryReport } from '../protocol/keystone.ts';
import { Held } from './held.ts';
import { byIndex } from './key.ts';
import { runCredentialMigrate } from './migrate-credentials.ts';
import { unready } from './readiness.ts';
import { KeyRepository } from './repository.ts';
import { readSettings } from './settings.ts';

/** The database of a Keystone node, as this role uses it. */
export interface Database {
  /** Quick; what the last poll saw. */
  readonly last: DatabaseReport;
  poll(): Promise<DatabaseReport>;
  repoint(source: { host: string; port: number }): Promise<DatabaseReport>;
  seed(source: { host: string; port: number }, force: boolean, signal: AbortSignal): Promise<DatabaseReport>;
  /** @param primary the primary key of the credential repository */
  countCredentials(primary: string): Promise<{ total: number; stale: number }>;
  close(): Promise<void>;
}

export interface KeystoneRoleOptions {
  readonly config: KeystoneConfig;
  readonly stateDir: string;
  readonly files: Files;
  readonly log: Log;
  /** Left out: no database is watched. */
  readonly database?: Database;
  readonly sleep?: (ms: number) => Promise<void>;
  readonly pollMs?: number;
  /** A clock that never jumps, ms. */
  readonly now?: () => number;
}

const noDatabase: DatabaseReport = { role: 'none', problems: [] };

/** Keys and database of a Keystone node. */
export class KeystoneRole implements Role {
  readonly name = 'keystone';
  readonly handlers: readonly Handler[];
  readonly #options: KeystoneRoleOptions;
  readonly #repositories: ReadonlyMap<KeyKind, KeyRepository>;
  readonly #held: Held;
  readonly #now: () => number;
  #reports: RepositoryReport[] = [];
  #free = 0;
  #settings: KeystoneSettings | undefined;
  #looked = Number.NEGATIVE_INFINITY;
  #sign = '';
  #changed: () => void = () => undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  /** A repository is used by one at a time: an order, or the ending of one that was interrupted. */
  #busy: Promise<unknown> = Promise.resolve();

  constructor(options: KeystoneRoleOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#held = new Held(options.files, options.stateDir);
    const { config, files } = options;
    const sleep = options.sleep ?? ((ms: number) => new Promise<void>((done) => setTimeout(done, ms)));
    const [uid, gid] = (config.owner ?? '').split(':').map(Number);
    this.#repositories = new Map(
      (['fernet', 'credential'] as const).flatMap((kind) => {
        const path = config[kind]?.repository;
        if (path === undefined) return [];
        const settings = { kind, path, files, sleep, mode: Number.parseInt(config.mode, 8), settleMs: config.settleSeconds * 1_000 };
        return [[kind, new KeyRepository({ ...settings, ...(config.owner !== undefined && { owner: { uid: uid ?? 0, gid: gid ?? 0 } }) })]];
      }),
    );
    this.handlers = [
      handler(keystone.report, undefined, async () => (await this.#look(), this.report())),
      handler(keystone.applyKeys, 'keys', async ({ kind, ...order }) => {
        const report = await this.#alone(() => this.#repository(kind).apply(order));
        options.log('info', 'key set applied', { kind, generation: report.generation, keys: report.keys.length });
        await this.#look();
        return report;
      }),
      handler(keystone.readKeys, 'keys', async ({ kind }) => {
        if (!config.handOver) throw new AgentError('GW_AGENT_HAND_OVER', 'terminal', `this node does not hand over its ${kind} keys`, { action: 'Set keystone.handOver: true in its agent.yaml, for as long as it takes.' });
        options.log('warn', 'keys handed over to the controller', { kind });
        return { kind, ...(await this.#repository(kind).keys()) };
      }),
      handler(keystone.migrateCredentials, 'credentials', async (_none, signal) => {
        const repository = this.#repository('credential');
        const { keys } = await repository.keys();
        const primary = keys[Object.keys(keys).sort(byIndex).at(-1) ?? ''];
        if (primary === undefined) throw new AgentError('GW_AGENT_CREDENTIALS', 'waiting', 'this node has no credential keys yet');
        await runCredentialMigrate(config.manage, config.config.filter((c) => c.endsWith('.conf')), await repository.owner(), signal);
        return await this.#database().countCredentials(primary);
      }),
      handler(keystone.repoint, 'database', async ({ source }) => this.#told(await this.#database().repoint(source))),
      handler(keystone.seed, 'database', async ({ source, force = false }, signal) => this.#told(await this.#database().seed(source, force, signal))),
      handler(keystone.hold, 'keys', async ({ reason: why }) => {
        await this.#held.set(why);
        options.log(why === null ? 'info' : 'warn', why === null ? 'in service' : 'held out of service', why === null ? {} : { reason: why });
        await this.#look();
        return this.report();
      }),
    ];
  }

  report(): KeystoneReport {
    const { ok, reasons } = this.ready();
    return {
      repositories: this.#reports,
      database: this.#options.database?.last ?? noDatabase,
      ...(this.#settings && { settings: this.#settings }),
      diskFreeBytes: this.#free,
      ready: { ok, reasons: [...reasons] },
      ...(this.#held.reason !== null && { held: this.#held.reason }),
    };
  }

  ready(): KeystoneReport['ready'] {
    const { database, config } = this.#options;
    const reasons = unready({
      repositories: this.#reports,
      database: database?.last ?? noDatabase,
      watched: database !== undefined,
      maxLagSeconds: config.database?.maxLagSeconds ?? 0,
      held: this.#held.reason,
      ageMs: this.#now() - this.#looked,
    });
    return { ok: reasons.length === 0, reasons };
  }

  async start(changed: () => void): Promise<void> {
    this.#changed = changed;
    await this.#held.load();
    for (const repository of this.#repositories.values()) await this.#resume(repository);
    await this.#tick();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#busy;
    await this.#options.database?.close();
  }

  async #tick(): Promise<void> {
    await this.#options.database?.poll().catch(() => undefined);
    await this.#look();
    // What a full disk has interrupted goes on by itself.
    for (const { kind, problems } of this.#reports) if (problems.some((p) => p.code === 'GW_AGENT_REPO_PENDING')) await this.#resume(this.#repository(kind));
    if (!this.#stopped) this.#timer = setTimeout(() => void this.#tick(), this.#options.pollMs ?? 2_000);
  }

  async #look(): Promise<void> {
    const all = [...this.#repositories.values()];
    const [reports, free] = [await Promise.all(all.map((r) => r.inspect())), await Promise.all(all.map((r) => this.#options.files.freeBytes(r.path).catch(() => 0)))];
    this.#reports = reports;
    this.#settings = await readSettings(this.#options.config.config);
    this.#free = free.length === 0 ? 0 : Math.min(...free);
    this.#looked = this.#now();
    const sign = significant(this.report());
    if (sign !== this.#sign) {
      this.#sign = sign;
      this.#changed();
    }
  }

  async #resume(repository: KeyRepository): Promise<void> {
    await this.#alone(() => repository.resume()).catch((error: unknown) => {
      this.#options.log('warn', 'an interrupted order of keys cannot be ended', { kind: repository.kind, reason: reason(error) });
    });
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#busy.then(work, work);
    this.#busy = mine.catch(() => undefined);
    return mine;
  }

  async #told(report: DatabaseReport): Promise<DatabaseReport> {
    await this.#look();
    return report;
  }

  #repository(kind: KeyKind): KeyRepository {
    const found = this.#repositories.get(kind);
    if (found) return found;
    throw new AgentError('GW_AGENT_CONFIG', 'terminal', `agent.yaml of this node names no repository of ${kind} keys`, { action: `Set keystone.${kind}.repository there.` });
  }

  #database(): Database {
    const { database } = this.#options;
    if (database) return database;
    throw new AgentError('GW_AGENT_CONFIG', 'terminal', 'agent.yaml of this node names no database', { action: 'Set keystone.database there.' });
  }
}

/** What a controller should hear of at once; positions and lag are told with the next report. */
function significant({ repositories, database: d, settings, ready, held }: KeystoneReport): string {
  return JSON.stringify([repositories, d.role, d.readOnly, d.source, d.ioRunning, d.sqlRunning, d.lastError?.number, d.cluster, d.diverged, d.problems.map((p) => p.code), settings, ready.ok, ready.reasons.map((r) => r.code), held]);
}
