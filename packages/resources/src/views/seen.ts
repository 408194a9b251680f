import { projectKey, type ProjectRef, type Site, toGodwitError } from '@godwit/sites';
import type { Deps } from '../deps.ts';
import type { SiteState } from './schemas.ts';

/** A site whose last poll failed may be back: it is asked, but nobody waits for it. */
const DOWN_MS = 3_000;
const UP_MS = 30_000;

export interface Seen<T> {
  readonly state: SiteState;
  readonly doc: T | undefined;
}

/** What a site has, now; or, when it cannot be asked, what it was last seen to have, with its age. */
export async function look<T>(deps: Deps, site: Site, project: ProjectRef | undefined, kind: string, read: (signal: AbortSignal) => Promise<T>): Promise<Seen<T>> {
  const key = project ? projectKey(project) : '';
  const ms = deps.sites.health(site.name).state === 'down' ? DOWN_MS : UP_MS;
  const signal = AbortSignal.timeout(ms);
  try {
    // Clients wait and try again for longer than a viewer does.
    const doc = await Promise.race([read(signal), expired(signal, ms)]);
    const now = deps.clock.now();
    await deps.store.putView(site.name, key, kind, now, doc);
    return { doc, state: { site: site.name, state: 'live', seenAt: now.toISOString(), ageSeconds: 0 } };
  } catch (error) {
    const { code, message } = toGodwitError(error, { site: site.name });
    const last = await deps.store.view<T>(site.name, key, kind);
    if (!last) return { doc: undefined, state: { site: site.name, state: 'unknown', code, message } };
    const ageSeconds = Math.round((deps.clock.now().getTime() - last.seenAt.getTime()) / 1_000);
    return { doc: last.doc, state: { site: site.name, state: 'last-known', seenAt: last.seenAt.toISOString(), ageSeconds, code, message } };
  }
}

const expired = (signal: AbortSignal, ms: number): Promise<never> =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error(`no answer in ${ms / 1_000} s`)), { once: true });
  });
