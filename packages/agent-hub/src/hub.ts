import type { Command, FromAgent } from '@godwit/agent';
import { type Envelope, GodwitError } from '@godwit/sites';
import type { Kysely } from 'kysely';
import { Authority, readRequest } from './ca/authority.ts';
import { Enrolment } from './enrolment.ts';
import { Keeper } from './keeper.ts';
import { type Door, openDoor } from './session/door.ts';
import { Session } from './session/session.ts';
import type { Wire } from './session/wire.ts';
import { type AgentRow, Store } from './store/store.ts';
import { migrate } from './store/migrations.ts';
import type { Tables } from './store/tables.ts';
import type { AgentHub, AgentInfo, CreatedToken, TokenRequest } from './types.ts';

export type Log = (level: 'debug' | 'info' | 'warn' | 'error', message: string, facts?: Record<string, unknown>) => void;

export interface HubOptions {
  readonly db: Kysely<Tables>;
  readonly envelope: Envelope;
  readonly listen: { readonly host: string; readonly port: number };
  /** Unique among the controllers of the database, and the same at each start. */
  readonly controller: string;
  /** This controller’s address as agents reach it. */
  readonly advertise?: string;
  readonly certificateLifeMs?: number;
  readonly reportEveryMs?: number;
  readonly maxAgents?: number;
  readonly now?: () => Date;
  readonly log?: Log;
}

const dayMs = 86_400_000;
/** An agent that was away for longer than its certificate lived may still have it renewed, for so long. */
const renewalGraceMs = 90 * dayMs;

/** Opens the CA, listens for agents. Throws GW_SECRETS_… when the CA’s key cannot be opened. */
export async function createHub(options: HubOptions): Promise<AgentHub> {
  await migrate(options.db as unknown as Kysely<unknown>);
  const store = new Store(options.db);
  const now = options.now ?? (() => new Date());
  let stored = await store.authority(() => Authority.create(options.envelope, now()));
  if (options.envelope.needsReseal(stored.sealedKey)) {
    const resealed = await Authority.reseal(stored, options.envelope);
    await store.reseal(stored, resealed);
    stored = resealed;
  }
  const hub = new Hub(options, store, await Authority.open(stored, options.envelope), now);
  await hub.open();
  return hub;
}

class Hub implements AgentHub {
  readonly #options: HubOptions;
  readonly #store: Store;
  readonly #authority: Authority;
  readonly #enrolment: Enrolment;
  readonly #keeper: Keeper;
  readonly #sessions = new Map<string, Session>();
  readonly #now: () => Date;
  readonly #log: Log;
  #door: Door | undefined;

  constructor(options: HubOptions, store: Store, authority: Authority, now: () => Date) {
    this.#options = options;
    this.#store = store;
    this.#authority = authority;
    this.#now = now;
    this.#log = options.log ?? (() => undefined);
    this.#enrolment = new Enrolment({ store, authority, now, certificateLifeMs: this.#lifeMs });
    this.#keeper = new Keeper({
      store,
      controller: options.controller,
      advertise: options.advertise,
      connected: () => [...this.#sessions.keys()],
      cutOff: (id) => this.#cutOff(id, 'revoked or removed'),
      log: this.#log,
    });
  }

  get port(): number {
    return this.#door?.port ?? 0;
  }

  async open(): Promise<void> {
    await this.#keeper.start();
    this.#door = await openDoor({
      ...this.#options.listen,
      authority: this.#authority,
      maxConnections: this.#options.maxAgents ?? 5_000,
      now: this.#now,
      admit: (wire, frame, sha256) => this.#admit(wire, frame, sha256),
    });
  }

  createToken(request: TokenRequest): Promise<CreatedToken> {
    return this.#enrolment.createToken(request);
  }

  async list(filter: Parameters<AgentHub['list']>[0] = {}): Promise<AgentInfo[]> {
    const rows = (await this.#store.agents()).filter((r) => (filter.site === undefined || r.site === filter.site) && (filter.role === undefined || r.role === filter.role));
    return this.#describe(rows);
  }

  async get(name: string): Promise<AgentInfo> {
    const [info] = await this.#describe([await this.#row(name)]);
    if (!info) throw unknown(name);
    return info;
  }

  async revoke(name: string): Promise<AgentInfo> {
    const row = await this.#row(name);
    await this.#store.revoke(row.id);
    this.#cutOff(row.id, 'revoked');
    return this.get(row.id);
  }

  async remove(name: string): Promise<void> {
    const row = await this.#row(name);
    await this.#store.remove(row.id, row.name);
    this.#cutOff(row.id, 'removed');
  }

  async call<A, R>(agent: string, command: Command<A, R>, args: A, signal?: AbortSignal): Promise<R> {
    const row = await this.#row(agent);
    const facts = { site: row.site, resource: `agent ${row.name}` };
    if (row.revoked_at) throw new GodwitError('GW_AGENT_REVOKED', 'terminal', `agent ${row.name} is revoked`, { ...facts, action: 'Remove it, and enrol the node again.' });
    const session = this.#sessions.get(row.id);
    if (session && !session.agent.expired) return session.call(command, args, signal);
    const elsewhere = (await this.#store.places([row.id])).get(row.id)?.controllers ?? [];
    const where = elsewhere.length === 0 ? 'not connected' : `connected to ${elsewhere.join(', ')}, but not to this controller`;
    throw new GodwitError('GW_AGENT_AWAY', 'waiting', `agent ${row.name} is ${where}`, { ...facts, action: 'Look at the node and at the network to it; the agent comes back by itself.' });
  }

  async close(): Promise<void> {
    await this.#door?.close();
    for (const session of this.#sessions.values()) session.closed();
    this.#sessions.clear();
    await this.#keeper.stop();
  }

  async #admit(wire: Wire, frame: FromAgent, sha256: string | undefined): Promise<void> {
    if (frame.t === 'enrol') {
      const { pem, id, name, site, role } = await this.#enrolment.enrol(frame.token, frame.name, frame.csr);
      this.#log('info', 'agent enrolled', { agent: name, site, role, peer: wire.peer });
      wire.send({ t: 'enrolled', id, name, site, role, certificate: pem, ca: this.#authority.pem, controllers: await this.#store.advertised() });
      return wire.close();
    }
    if (frame.t !== 'hello') throw new GodwitError('GW_AGENT_PROTOCOL', 'terminal', 'a message out of turn');
    const { row, expiresAt } = await this.#whose(sha256);
    const certificate = { sha256: sha256 ?? '', expiresAt };
    const session = new Session({ id: row.id, name: row.name, site: row.site, role: row.role, certificate, expired: expiresAt <= this.#now() }, wire, this.#now);
    if (row.cert_sha256 === sha256 && row.previous_cert_sha256 !== null) await this.#store.confirm(row.id, row.cert_sha256);
    const controllers = await this.#store.advertised();
    // Revoked in this very moment: what is in the map is found by whoever revokes, so it is looked at again once it is there.
    this.#enter(session);
    if ((await this.#store.barred([row.id])).length > 0) throw revoked(row.name);
    wire.send({ t: 'welcome', id: row.id, clock: this.#now().toISOString(), controllers, renew: session.agent.expired, reportEveryMs: this.#options.reportEveryMs ?? 5_000 });
  }

  #enter(session: Session): void {
    const { agent, wire } = session;
    // It went while we looked it up: nobody would tell us again.
    if (wire.closed) return;
    const before = this.#sessions.get(agent.id);
    this.#sessions.set(agent.id, session);
    if (before) {
      this.#log('warn', 'an agent connected anew before its old connection had ended; if this goes on, two nodes have one identity', { agent: agent.name, peer: wire.peer, before: before.wire.peer });
      before.wire.destroy();
    }
    this.#log('info', 'agent connected', { agent: agent.name, site: agent.site, peer: wire.peer, ...(agent.expired && { expired: true }) });
    this.#keeper.arrived(agent.id);
    session.onReport = (last) => this.#keeper.reported({ agentId: agent.id, ...last });
    let renewing = false;
    session.onRenew = (csr) => {
      if (renewing) return;
      renewing = true;
      void this.#renew(session, csr).catch((error: unknown) => wire.refuse(error)).finally(() => (renewing = false));
    };
    wire.onFrame = (frame) => session.take(frame);
    const left = wire.onClose;
    wire.onClose = () => {
      left();
      session.closed();
      if (this.#sessions.get(agent.id) !== session) return;
      this.#sessions.delete(agent.id);
      this.#keeper.left(agent.id);
      this.#log('info', 'agent disconnected', { agent: agent.name, site: agent.site });
    };
  }

  async #renew(session: Session, csrPem: string): Promise<void> {
    const { agent, wire } = session;
    const { csr } = await readRequest(csrPem);
    const issued = await this.#authority.issueAgent(csr, agent.id, agent.name, this.#now(), this.#lifeMs);
    if (!(await this.#store.renew(agent.id, agent.certificate, issued))) throw revoked(agent.name);
    wire.send({ t: 'renewed', certificate: issued.pem, ca: this.#authority.pem });
    this.#log('info', 'certificate renewed', { agent: agent.name });
    // With the new one it comes back as itself.
    if (agent.expired) wire.close();
  }

  async #whose(sha256: string | undefined): Promise<{ row: AgentRow; expiresAt: Date }> {
    const row = sha256 === undefined ? undefined : await this.#store.agentOfCertificate(sha256);
    const enrol = { action: 'Enrol the node: godwit agent token create, then godwit-agent enrol.' };
    if (!row) throw new GodwitError('GW_AGENT_CERTIFICATE', 'terminal', sha256 === undefined ? 'the connection has no certificate' : 'the certificate belongs to no agent (any more)', enrol);
    if (row.revoked_at) throw revoked(row.name);
    const expiresAt = row.cert_sha256 === sha256 ? row.cert_expires_at : (row.previous_cert_expires_at ?? new Date(0));
    if (expiresAt.getTime() + renewalGraceMs <= this.#now().getTime()) throw new GodwitError('GW_AGENT_CERTIFICATE_EXPIRED', 'terminal', `the certificate of ${row.name} expired at ${expiresAt.toISOString()}, too long ago to be renewed`, enrol);
    return { row, expiresAt };
  }

  #cutOff(id: string, why: string): void {
    const session = this.#sessions.get(id);
    if (!session) return;
    this.#log('warn', 'agent cut off', { agent: session.agent.name, why });
    session.wire.refuse(revoked(session.agent.name));
    session.closed();
    this.#sessions.delete(id);
    this.#keeper.left(id);
  }

  async #describe(rows: readonly AgentRow[]): Promise<AgentInfo[]> {
    const ids = rows.map((r) => r.id);
    // What an agent here has said is in memory, and newer: a thousand kept reports are not read for nothing each time.
    const places = await this.#store.places(ids, ids.filter((id) => this.#sessions.get(id)?.last === undefined));
    return rows.map((row) => {
      const session = this.#sessions.get(row.id);
      const place = places.get(row.id);
      const stored = place?.last;
      const last = session?.last ?? stored;
      const controllers = [...new Set([...(session ? [this.#options.controller] : []), ...(place?.controllers ?? []).filter((c) => c !== this.#options.controller)])];
      return {
        id: row.id,
        name: row.name,
        site: row.site,
        role: row.role,
        state: row.revoked_at ? 'revoked' : 'active',
        connected: controllers.length > 0,
        controllers,
        enrolledAt: row.enrolled_at,
        certificateExpiresAt: row.cert_expires_at,
        ...(last && { lastSeen: last.receivedAt, skewMs: last.skewMs, report: last.report }),
      };
    });
  }

  async #row(name: string): Promise<AgentRow> {
    const row = await this.#store.agent(name);
    if (row) return row;
    throw unknown(name);
  }

  get #lifeMs(): number {
    return this.#options.certificateLifeMs ?? 7 * dayMs;
  }
}

const unknown = (name: string): GodwitError => new GodwitError('GW_AGENT_UNKNOWN', 'terminal', `there is no agent ${name}`, { resource: `agent ${name}`, action: 'godwit agent list.' });
const revoked = (name: string): GodwitError => new GodwitError('GW_AGENT_REVOKED', 'terminal', `agent ${name} is revoked or removed`, { resource: `agent ${name}`, action: 'Enrol the node again, if it is to come back.' });
