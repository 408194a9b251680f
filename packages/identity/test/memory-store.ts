import { keysThatStoppedSigning, primaryOf } from '../src/keys/generation.ts';
import type { KeyKind } from '../src/nodes.ts';
import type { Condition, Detour, Generation, IdentityStore, KeyRecord, Membership, MembershipState } from '../src/store/types.ts';

/** The store's contract without a database. */
export class MemoryStore implements IdentityStore {
  readonly generations: Generation[] = [];
  #keys: KeyRecord[] = [];
  #sites = new Map<string, Membership>();
  #conditions: Condition[] = [];
  #detours = new Map<string, Detour>();

  generation(kind: KeyKind): Promise<Generation | undefined> {
    return Promise.resolve(this.generations.filter((g) => g.kind === kind).at(-1));
  }

  async begin(next: Omit<Generation, 'createdAt' | 'provenAt'>, keys: readonly KeyRecord[], now: Date): Promise<Generation | undefined> {
    const current = await this.generation(next.kind);
    if (current?.generation === next.generation && current.jobId === next.jobId && current.phase === next.phase) return current;
    if ((current?.generation ?? 0) !== next.generation - 1) return undefined;
    this.#keys = [...this.#keys.filter((k) => !keys.some((n) => n.id === k.id)), ...keys];
    const made: Generation = { ...next, createdAt: now.toISOString() };
    this.generations.push(made);
    const primary = primaryOf(made).id;
    this.#keys = this.#keys.map((k) => (k.id === primary && k.signsFrom === undefined ? { ...k, signsFrom: now.toISOString() } : k));
    return made;
  }

  async prove(kind: KeyKind, generation: number, now: Date, signedUntil: Date = now): Promise<void> {
    const current = await this.generation(kind);
    if (current?.generation !== generation || current.provenAt !== undefined) return;
    const at = now.toISOString();
    this.generations[this.generations.indexOf(current)] = { ...current, provenAt: at };
    const stopped = keysThatStoppedSigning(current, await this.keys(kind));
    this.#keys = this.#keys.map((k) => (stopped.includes(k.id) ? { ...k, retiredAt: signedUntil.toISOString() } : k));
  }

  keys(kind: KeyKind): Promise<KeyRecord[]> {
    return Promise.resolve(this.#keys.filter((k) => k.kind === kind));
  }

  erase(ids: readonly string[]): Promise<void> {
    this.#keys = this.#keys.map(({ sealed, ...k }) => (ids.includes(k.id) ? k : { ...k, sealed }));
    return Promise.resolve();
  }

  memberships(): Promise<Membership[]> {
    return Promise.resolve([...this.#sites.values()]);
  }

  setMembership(site: string, state: MembershipState | undefined, jobId: string, now: Date): Promise<void> {
    if (state === undefined) this.#sites.delete(site);
    else if (this.#sites.get(site)?.state !== state) this.#sites.set(site, { site, state, jobId, since: now.toISOString() });
    return Promise.resolve();
  }

  conditions(): Promise<Condition[]> {
    return Promise.resolve(this.#conditions);
  }

  putConditions(scopes: readonly string[], conditions: readonly Omit<Condition, 'since'>[], now: Date): Promise<void> {
    const next = conditions.map((c): Condition => {
      const before = this.#conditions.find((b) => b.scope === c.scope && b.type === c.type);
      return { ...c, since: before?.status === c.status ? before.since : now.toISOString() };
    });
    this.#conditions = [...this.#conditions.filter((c) => !scopes.includes(c.scope)), ...next];
    return Promise.resolve();
  }

  detours(): Promise<Detour[]> {
    return Promise.resolve([...this.#detours.values()]);
  }

  setDetour(node: string, source: string | undefined, now: Date): Promise<void> {
    if (source === undefined) this.#detours.delete(node);
    else this.#detours.set(node, { node, source, since: now.toISOString() });
    return Promise.resolve();
  }
}
