import type { Emulator } from '@godwit/emulator';
import { canonical, type Row } from './canonical.ts';

/** Kinds that nothing of ours makes or changes. */
const fixed = new Set(['user', 'project', 'role', 'domain', 'service', 'endpoint', 'region', 'volume-type', 'group-type', 'agent', 'token']);

/** Every resource of every site, and every queue of their brokers that is Godwit's and outlives a connection. */
export function siteRows(emulator: Emulator): Row[] {
  const rows: Row[] = [];
  for (const site of emulator.world.sites.values()) {
    for (const [service, state] of site.states()) {
      for (const row of service.inspect?.(state, site) ?? []) if (!fixed.has(row.kind)) rows.push({ site: site.name, ...row });
    }
    for (const { queue, messages, declaration } of emulator.broker(site.name).queues()) {
      if (queue.startsWith('godwit.') && !declaration.exclusive) rows.push({ site: site.name, kind: 'queue', name: queue, messages });
    }
  }
  return rows;
}

/** The servers alone: looked at many times a second. */
export function serverRows(emulator: Emulator): Row[] {
  const rows: Row[] = [];
  for (const site of emulator.world.sites.values()) {
    for (const [service, state] of site.states()) {
      if (service.name !== 'compute') continue;
      for (const row of service.inspect?.(state, site) ?? []) {
        // The first kind that it lists.
        if (row.kind !== 'server') break;
        rows.push({ site: site.name, ...row });
      }
    }
  }
  return rows;
}

/** Of servers, how long they were frozen: looked at apart, by the watch. Of images, the size: manifests hold times, some with a digit less. */
const untold = (row: Row): ReadonlySet<string> => new Set(row['kind'] === 'image' ? ['size'] : ['frozenSince', 'longestFreezeMs']);

/** A row without what is looked at elsewhere. */
export function told(row: Row): Row {
  const left = untold(row);
  return Object.fromEntries(Object.entries(row).filter(([k]) => !left.has(k)));
}

export function siteInventory(emulator: Emulator): string[] {
  return siteRows(emulator).map((row) => canonical(told(row))).sort();
}
