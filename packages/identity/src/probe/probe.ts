import { toGodwitError } from '@godwit/sites';
import type { Deps } from '../deps.ts';
import type { Cell, Matrix, Revocation } from '../schemas.ts';
import type { StarSite } from '../star.ts';
import type { Clouds } from './clouds.ts';

const timeoutMs = 5_000;
const options = (signal: AbortSignal) => ({ signal, timeoutMs, retries: 0 });

/** Where tokens are asked for and validated at a site: the address that users have, and each Keystone behind it. */
interface Target {
  readonly name: string;
  readonly site: string;
  readonly url: string;
}

export const addressOf = (site: StarSite): Target => ({ name: 'address', site: site.name, url: site.url });
export const nodesOf = (site: StarSite): Target[] => site.nodes.map((n) => ({ name: n.name, site: site.name, url: n.url }));

type Tried = Cell['targets'][number];

/** A token of a site, validated at others: the truth about the star, seen as a user and a service see it. */
export class Prober {
  readonly #deps: Pick<Deps, 'clock' | 'log'>;
  readonly #clouds: Clouds;
  readonly #cells = new Map<string, Cell>();
  #revocation: Revocation | undefined;
  #round = 0;

  constructor(deps: Pick<Deps, 'clock' | 'log'>, clouds: Clouds) {
    this.#deps = deps;
    this.#clouds = clouds;
  }

  matrix(): Matrix {
    return { cells: [...this.#cells.values()].sort((a, b) => a.from.localeCompare(b.from) || a.to.localeCompare(b.to)), ...(this.#revocation && { revocation: this.#revocation }) };
  }

  /** Tokens of every site at every other (and its own), side by side. Every Keystone with `all`; else the address and one Keystone behind it, in turn. */
  async round(sites: readonly StarSite[], signal: AbortSignal, { all }: { readonly all: boolean }): Promise<Matrix> {
    const turn = this.#round++;
    const known = new Set(sites.map((s) => s.name));
    for (const key of this.#cells.keys()) if (!key.split('\n').every((s) => known.has(s))) this.#cells.delete(key);
    await Promise.all(sites.map((from) => this.#from(from, addressOf(from), sites, turn, all, signal)));
    return this.matrix();
  }

  /** Tokens of each of these Keystones at all others and back: before a site is announced. Empty: all is well. */
  async between(site: StarSite, others: readonly StarSite[], signal: AbortSignal): Promise<{ from: string; to: string; message: string }[]> {
    const own = nodesOf(site);
    const theirs = others.flatMap(nodesOf);
    const wrong: { from: string; to: string; message: string }[] = [];
    const pairs = [...own.map((t) => [t, [...own, ...theirs]] as const), ...theirs.map((t) => [t, own] as const)];
    await Promise.all(pairs.map(async ([from, targets]) => {
      try {
        const token = (await this.#clouds.at(from.site, from.url).session.issue(options(signal))).id;
        const tried = await Promise.all(targets.map((t) => this.#validate(token, t, signal)));
        tried.forEach((t, i) => { if (!t.ok) wrong.push({ from: from.name, to: targets[i]?.name ?? '', message: t.message ?? 'refused' }); });
      } catch (error) {
        signal.throwIfAborted();
        wrong.push({ from: from.name, to: from.name, message: `no token: ${toGodwitError(error).message}` });
      }
    }));
    return wrong;
  }

  /** A token of the site's address at that address, and nothing of it noted: the matrix is of members, and this site is none yet. Empty: all is well. */
  async atItsAddress(site: StarSite, signal: AbortSignal): Promise<{ from: string; to: string; message: string }[]> {
    const target = addressOf(site);
    try {
      const token = (await this.#clouds.at(target.site, target.url).session.issue(options(signal))).id;
      const tried = await this.#validate(token, target, signal);
      return tried.ok ? [] : [{ from: site.name, to: target.name, message: tried.message ?? 'refused' }];
    } catch (error) {
      signal.throwIfAborted();
      return [{ from: site.name, to: target.name, message: `no token: ${toGodwitError(error).message}` }];
    }
  }

  /** How long after its revocation a token is still accepted, at each site. */
  async revocation(from: StarSite, sites: readonly StarSite[], signal: AbortSignal, patienceMs = 30_000): Promise<Revocation> {
    const { clock } = this.#deps;
    const cloud = this.#clouds.at(from.name, from.url);
    const token = (await cloud.session.issue(options(signal))).id;
    // One that a site does not know yet would seem revoked at once.
    await Promise.all(sites.map((s) => this.#validate(token, addressOf(s), signal)));
    await cloud.identity.revokeToken(token, { signal, timeoutMs });
    const begun = performance.now();
    const refusedAfterMs = Object.fromEntries(await Promise.all(sites.map(async (s): Promise<[string, number | null]> => {
      while (performance.now() - begun < patienceMs) {
        const tried = await this.#validate(token, addressOf(s), signal);
        if (!tried.ok && tried.code === 'GW_TOKEN_REFUSED') return [s.name, Math.round(performance.now() - begun)];
        await clock.sleep(50, signal);
      }
      return [s.name, null];
    })));
    this.#revocation = { at: clock.now().toISOString(), from: from.name, refusedAfterMs };
    return this.#revocation;
  }

  async #from(site: StarSite, from: Target, sites: readonly StarSite[], turn: number, all: boolean, signal: AbortSignal): Promise<void> {
    let token: string | undefined;
    let why: Tried | undefined;
    const begun = performance.now();
    try {
      token = (await this.#clouds.at(from.site, from.url).session.issue(options(signal))).id;
    } catch (error) {
      if (signal.aborted) return;
      const e = toGodwitError(error, { site: site.name });
      why = { target: `${site.name} issues`, ok: false, latencyMs: Math.round(performance.now() - begun), code: e.code, message: e.message };
    }
    await Promise.all(sites.map(async (to) => {
      const nodes = nodesOf(to);
      const some = all ? nodes : nodes.filter((_, i) => i === turn % nodes.length);
      const id = token;
      const targets = id === undefined || why ? [why ?? { target: 'token', ok: false, latencyMs: 0 }] : await Promise.all([addressOf(to), ...some].map((t) => this.#validate(id, t, signal)));
      if (!signal.aborted) this.#note(site.name, to.name, targets, id !== undefined);
    }));
  }

  async #validate(token: string, target: Target, signal: AbortSignal): Promise<Tried> {
    const cloud = this.#clouds.at(target.site, target.url);
    let begun = performance.now();
    try {
      // The asker's own token first: it is not what is timed.
      await cloud.session.token({ signal, timeoutMs });
      begun = performance.now();
      const info = await cloud.identity.validateToken(token, options(signal));
      const latencyMs = Math.round((performance.now() - begun) * 10) / 10;
      if (info) return { target: target.name, ok: true, latencyMs };
      return { target: target.name, ok: false, latencyMs, code: 'GW_TOKEN_REFUSED', message: `${target.name} of ${target.site} does not accept the token` };
    } catch (error) {
      const e = toGodwitError(error, { site: target.site });
      return { target: target.name, ok: false, latencyMs: Math.round(performance.now() - begun), code: e.code, message: e.message };
    }
  }

  #note(from: string, to: string, targets: readonly Tried[], asked: boolean): void {
    const before = this.#cells.get(`${from}\n${to}`);
    const refused = targets.filter((t) => t.code === 'GW_TOKEN_REFUSED').length;
    if (refused > 0) this.#deps.log('warn', 'a token was refused that should be good', { from, to, targets: targets.filter((t) => !t.ok).map((t) => t.target) });
    this.#cells.set(`${from}\n${to}`, {
      from, to,
      ok: targets.every((t) => t.ok),
      at: this.#deps.clock.now().toISOString(),
      latencyMs: Math.max(...targets.map((t) => t.latencyMs)),
      validations: (before?.validations ?? 0) + (asked ? targets.length : 0),
      refusals: (before?.refusals ?? 0) + refused,
      targets: [...targets],
    });
  }
}

/** A plain loop: a round every few seconds, and a revocation every so many rounds, from each site in turn. */
export class ProbeLoop {
  readonly #prober: Prober;
  readonly #members: () => Promise<StarSite[]>;
  readonly #deps: Pick<Deps, 'clock' | 'log'>;
  readonly #everyMs: number;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(deps: Pick<Deps, 'clock' | 'log'>, prober: Prober, everyMs: number, members: () => Promise<StarSite[]>) {
    this.#deps = deps;
    this.#prober = prober;
    this.#everyMs = everyMs;
    this.#members = members;
  }

  start(): void {
    this.#running = this.#run();
  }

  async close(): Promise<void> {
    this.#stop.abort(new Error('the controller stops'));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#deps;
    const { signal } = this.#stop;
    for (let n = 0; !signal.aborted; n++) {
      try {
        const sites = await this.#members();
        await this.#prober.round(sites, signal, { all: false });
        const from = sites[(n / revocationEvery) % Math.max(1, sites.length)];
        if (n % revocationEvery === 0 && from) await this.#prober.revocation(from, sites, signal);
      } catch (error) {
        if (!signal.aborted) log('debug', 'a round of probes failed', { error: String(error) });
      }
      await clock.sleep(this.#everyMs, signal).catch(() => undefined);
    }
  }
}

const revocationEvery = 12;
