import type { Kysely } from 'kysely';
import { ResourceStore, type ResourceTables } from '../src/index.ts';

/** The store without a database: for what is tested without an engine. */
export class MemoryStore extends ResourceStore {
  readonly baselines = new Map<string, Map<string, string>>();
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
}
