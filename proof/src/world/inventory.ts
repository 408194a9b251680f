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

/**
 * Of servers, how long they were frozen: looked at apart, by the watch. Of images that Godwit makes for itself, what their data tells: manifests hold times,
 * some with a digit less, and disks of guests what these wrote.
 */
function untold(row: Row): ReadonlySet<string> {
  if (row['kind'] === 'server') return new Set(['frozenSince', 'longestFreezeMs']);
  if (row['kind'] === 'image' && String(row['name']).startsWith('godwit-')) return new Set(['size', 'digest', 'properties']);
  return new Set();
}

/** In the name of a kept copy is the beginning of its job's id. */
const kept = /^(godwit-kept-e\d+)-[0-9a-f]{8}-/;

/** A row without what is looked at elsewhere. */
export function told(row: Row): Row {
  const left = untold(row);
  return Object.fromEntries(Object.entries(row).flatMap(([k, v]) => (left.has(k) ? [] : [[k, row['kind'] === 'rbd-image' && typeof v === 'string' ? v.replace(kept, '$1-*-') : v]])));
}

export function siteInventory(emulator: Emulator): string[] {
  return siteRows(emulator).map((row) => canonical(told(row))).sort();
}
