import { projectIdAt, projectKey } from '@godwit/sites';
import { digestOf } from './diff.ts';
import { freshReader, type Entry, type Reader } from './reader.ts';
import { listSecurityGroups } from './security-groups.ts';
import { chosen, type Item, type Scope } from './types.ts';

interface Remembered extends Entry {
  readonly revision: number;
  readonly tags?: readonly string[];
}

/** Beyond this part of a site's groups, they are listed anew instead of being fetched one by one. */
const PART = 0.2;
const IDS_A_REQUEST = 50;

/**
 * For audits, which mostly find nothing: of security groups only ids and revision numbers are asked for (Neutron counts a rule's change as one
 * of its group), and only those that have changed are read. What is remembered is small: keys and digests are the same text at every site, and
 * are kept once. Everything else is read whole, as it is little. In memory: a new process reads everything once.
 */
export class RevisionReader implements Reader {
  readonly #known = new Map<string, Map<string, Remembered>>();
  readonly #texts = new Map<string, string>();
  #inUse = 0;
  #fresh = freshReader();
  #changed = new Map<string, Item>();

  /** Between two audits: what was read whole is forgotten. */
  begin(): void {
    this.#fresh = freshReader();
    this.#changed = new Map();
    this.#forget();
  }

  /** Texts of what has been changed or deleted since are let go, once there are as many again as were in use the last time. */
  #forget(): void {
    if (this.#texts.size <= 2 * this.#inUse + 1_000) return;
    this.#texts.clear();
    for (const known of this.#known.values()) for (const entry of known.values()) for (const text of [entry.key, entry.name, entry.digest, ...(entry.tags ?? [])]) this.#text(text);
    this.#inUse = this.#texts.size;
  }

  async entries(kind: Parameters<Reader['entries']>[0], asked: Scope): Promise<readonly Entry[]> {
    if (kind !== 'security-groups') return this.#fresh.entries(kind, asked);
    // All are remembered, also those that are not selected: rules name them, and they are renamed and deleted like others.
    const scope: Scope = { ...asked, selection: {} };
    const entries: Entry[] = [];
    for (const project of scope.projects) {
      const { site } = scope;
      const slot = `${site.name} ${projectKey(project)}`;
      const projectId = await projectIdAt(site, project);
      const { network } = site.asProject(project);
      const known = this.#known.get(slot);
      const revisions = await network.securityGroups.revisions({ project_id: projectId });
      const news = [...revisions].filter(([id, revision]) => known?.get(id)?.revision !== revision).map(([id]) => id);
      let next: Map<string, Remembered>;
      if (!known || news.length > revisions.size * PART) next = await this.#all(scope, project, revisions);
      else {
        next = new Map([...known].filter(([id]) => revisions.has(id)));
        const names = new Map([...known].map(([id, k]) => [id, k.name]));
        let renamed = next.size !== known.size;
        for (let n = 0; n < news.length; n += IDS_A_REQUEST) {
          for (const item of await listSecurityGroups(scope, project, { ids: news.slice(n, n + IDS_A_REQUEST), names })) {
            renamed ||= names.get(item.id) !== item.name;
            next.set(item.id, this.#remember(item, revisions.get(item.id) ?? -1));
            this.#changed.set(`${site.name} ${item.id}`, item);
          }
        }
        // A group that others' rules name has come, gone or has another name: their revisions say nothing of that.
        if (renamed) next = await this.#all(scope, project, revisions);
      }
      this.#known.set(slot, next);
      for (const entry of markTwins([...next.values()].filter((e) => chosen(asked.selection, 'security-groups', e.name, e.tags ?? [])))) entries.push(entry);
    }
    return entries;
  }

  async items(kind: Parameters<Reader['items']>[0], asked: Scope, entries: readonly Entry[]): Promise<readonly Item[]> {
    if (kind !== 'security-groups') return this.#fresh.items(kind, asked, entries);
    const scope: Scope = { ...asked, selection: {} };
    const found: Item[] = [];
    const missing = new Set<string>();
    for (const e of entries) {
      const item = this.#changed.get(`${scope.site.name} ${e.id}`);
      if (item) found.push(e.unfit ? { ...item, unfit: item.unfit ?? `several of them have the name ${item.name}` } : item);
      else missing.add(e.id);
    }
    for (const project of scope.projects) {
      const known = this.#known.get(`${scope.site.name} ${projectKey(project)}`);
      const ids = [...missing].filter((id) => known?.has(id));
      const names = new Map([...(known ?? [])].map(([id, k]) => [id, k.name]));
      const unfit = new Set(entries.filter((e) => e.unfit).map((e) => e.id));
      for (let n = 0; n < ids.length; n += IDS_A_REQUEST) {
        const items = await listSecurityGroups(scope, project, { ids: ids.slice(n, n + IDS_A_REQUEST), names });
        found.push(...items.map((i) => (unfit.has(i.id) ? { ...i, unfit: i.unfit ?? `several of them have the name ${i.name}` } : i)));
      }
    }
    return found;
  }

  async #all(scope: Scope, project: Scope['projects'][number], revisions: ReadonlyMap<string, number>): Promise<Map<string, Remembered>> {
    const next = new Map<string, Remembered>();
    for (const item of await listSecurityGroups(scope, project)) next.set(item.id, this.#remember(item, revisions.get(item.id) ?? -1));
    return next;
  }

  #remember(item: Item, revision: number): Remembered {
    const tags = item.spec['tags'] as string[];
    return { id: item.id, key: this.#text(item.key), name: this.#text(item.name), digest: this.#text(digestOf(item.spec)), revision, ...(tags.length > 0 ? { tags: tags.map((tag) => this.#text(tag)) } : {}), ...(item.unfit === undefined ? {} : { unfit: true as const }) };
  }

  #text(text: string): string {
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    this.#texts.set(text, text);
    return text;
  }
}

function markTwins(entries: readonly Remembered[]): Entry[] {
  const byKey = new Map<string, Entry>();
  for (const entry of entries) byKey.set(entry.key, byKey.has(entry.key) ? { ...entry, unfit: true } : entry);
  return [...byKey.values()];
}
