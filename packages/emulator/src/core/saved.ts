import type { Site } from './site.ts';
import type { World } from './world.ts';

/** All that a world's sites have on disk and in memory, and where their seeds stand. Plain data. */
export interface SavedWorld {
  readonly sites: Readonly<Record<string, { readonly random: readonly number[]; readonly states: Readonly<Record<string, unknown>> }>>;
}

/** Cloned in one go, so that what sites and volumes share (contents, backup targets) is shared in the copy. */
export function saveWorld(world: World): SavedWorld {
  const sites = [...world.sites.values()].map((site) => [site.name, { random: site.random.save(), states: Object.fromEntries([...site.states()].map(([service, state]) => [service.name, plain(state)])) }] as const);
  return structuredClone({ sites: Object.fromEntries(sites) });
}

/** Puts a world back, in place. Work under way is dropped. */
export function restoreWorld(world: World, saved: SavedWorld): void {
  const copy = structuredClone(saved);
  for (const [name, { random, states }] of Object.entries(copy.sites)) {
    const site = world.sites.get(name);
    if (!site) continue;
    site.dropWork();
    site.random.restore(random);
    for (const [service, state] of site.states()) putBack(state as Record<string, unknown>, states[service.name] as Record<string, unknown>);
  }
  for (const site of world.sites.values()) for (const [service, state] of site.states()) service.onRestore?.(state, site);
}

/** Functions in a state are ways to other states: they stay. */
const plain = (state: unknown): unknown => Object.fromEntries(Object.entries(state as Record<string, unknown>).filter(([, value]) => typeof value !== 'function'));

/** What others hold (Maps, arrays, objects) is filled again rather than replaced. */
function putBack(state: Record<string, unknown>, saved: Record<string, unknown>): void {
  for (const [key, value] of Object.entries(saved)) {
    const here = state[key];
    if (here instanceof Map && value instanceof Map) refill(here, value);
    else if (here instanceof Set && value instanceof Set) {
      here.clear();
      for (const item of value) here.add(item);
    } else if (Array.isArray(here) && Array.isArray(value)) here.splice(0, here.length, ...(value as unknown[]));
    else if (isObject(here) && isObject(value)) {
      for (const gone of Object.keys(here)) if (!(gone in value)) delete here[gone];
      Object.assign(here, value);
    } else state[key] = value;
  }
}

function refill(here: Map<unknown, unknown>, saved: Map<unknown, unknown>): void {
  here.clear();
  for (const [key, value] of saved) here.set(key, value);
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

/** Number of things that the sites are still working on. */
export const workUnderWay = (sites: Iterable<Site>): number => [...sites].reduce((sum, site) => sum + site.working, 0);
