import type { Kysely } from 'kysely';
import { ResourceStore, type ResourceTables } from '../src/index.ts';

/** The store without a database: for what is tested without an engine. */
export class MemoryStore extends ResourceStore {
  readonly baselines = new Map<string, Map<string, string>>();
  readonly kept = new Map<string, { kind: string; project: string; name: string; doc: unknown }>();
  readonly rolled = new Map<string, { project: string; policy: string; at: Date; doc: unknown }>();
  readonly views = new Map<string, { seenAt: Date; doc: unknown }>();

  constructor() {
    super(undefined as unknown as Kysely<ResourceTables>);
  }

  override baseline(policy: string): Promise<Map<string, string>> {
    return Promise.resolve(new Map(this.baselines.get(policy)));
  }

  override setBaseline(policy: string, entries: ReadonlyMap<string, string>, gone: readonly string[] = []): Promise<void> {
    const known = this.baselines.get(policy) ?? new Map<string, string>();
    for (const [k, v] of entries) known.set(k, v);
    for (const k of gone) known.delete(k);
    this.baselines.set(policy, known);
    return Promise.resolve();
  }

  override putView(site: string, project: string, kind: string, seenAt: Date, doc: unknown): Promise<void> {
    this.views.set(`${site} ${project} ${kind}`, { seenAt, doc: structuredClone(doc) });
    return Promise.resolve();
  }

  override view<T>(site: string, project: string, kind: string): Promise<{ site: string; project: string; seenAt: Date; doc: T } | undefined> {
    const found = this.views.get(`${site} ${project} ${kind}`);
    return Promise.resolve(found && { site, project, seenAt: found.seenAt, doc: found.doc as T });
  }

  override insertPolicy<T>(kind: string, { id, ...policy }: { id: string; project: string; name: string; doc: T }): Promise<boolean> {
    if ([...this.kept.values()].some((p) => p.kind === kind && p.project === policy.project && p.name === policy.name)) return Promise.resolve(false);
    this.kept.set(id, { kind, ...policy });
    return Promise.resolve(true);
  }

  override policies<T>(kind: string, project?: string): Promise<{ id: string; project: string; name: string; doc: T }[]> {
    return Promise.resolve([...this.kept].filter(([, p]) => p.kind === kind && (project === undefined || p.project === project)).map(([id, p]) => ({ id, project: p.project, name: p.name, doc: p.doc as T })));
  }

  override deletePolicy(id: string): Promise<void> {
    this.kept.delete(id);
    return Promise.resolve();
  }

  override putRollout(id: string, project: string, policy: string, at: Date, doc: unknown): Promise<void> {
    this.rolled.set(id, { project, policy, at, doc: structuredClone(doc) });
    return Promise.resolve();
  }

  override rollout<T>(id: string): Promise<{ project: string; policy: string; doc: T } | undefined> {
    const found = this.rolled.get(id);
    return Promise.resolve(found && { project: found.project, policy: found.policy, doc: structuredClone(found.doc) as T });
  }

  override rollouts<T>(project?: string): Promise<{ id: string; project: string; policy: string; at: Date; doc: T }[]> {
    return Promise.resolve([...this.rolled].filter(([, r]) => project === undefined || r.project === project).map(([id, r]) => ({ id, ...r, doc: r.doc as T })));
  }

  override updateRollout<T>(id: string, change: (doc: T) => T): Promise<T | undefined> {
    const found = this.rolled.get(id);
    if (!found) return Promise.resolve(undefined);
    found.doc = change(structuredClone(found.doc) as T);
    return Promise.resolve(structuredClone(found.doc) as T);
  }
}
