import type { Brokers } from './broker/brokers.ts';
import type { World } from './core/world.ts';
import { EmulatorError } from './errors.ts';
import type { ResourceRow } from './http/service.ts';

/** Everything that a site has, by kind. Plain JSON, in the order in which it was made. */
export interface SiteInventory {
  readonly site: string;
  readonly alive: boolean;
  readonly resources: readonly ResourceRow[];
  /** Queues of the site's broker that are Godwit's: `godwit.…`, without those that receive replies. */
  readonly queues: readonly { readonly queue: string; readonly messages: number }[];
}

export interface FrozenGuest {
  readonly site: string;
  readonly server: string;
  readonly name: string | undefined;
  /** Milliseconds since 1970. */
  readonly since: number;
  readonly forMs: number;
}

export function inventory(world: World, brokers: Brokers, only?: string): SiteInventory[] {
  const sites = only === undefined ? [...world.sites.values()] : [world.sites.get(only)];
  return sites.map((site) => {
    if (!site) throw new EmulatorError('EMU_SITE', `there is no site ${only ?? ''}`);
    const resources: ResourceRow[] = [];
    for (const [service, state] of site.states()) for (const row of service.inspect?.(state, site) ?? []) resources.push(row);
    const queues = (brokers.known(site)?.queues() ?? []).filter((q) => q.queue.startsWith('godwit.') && !q.queue.startsWith('godwit.reply.'));
    return { site: site.name, alive: site.alive, resources, queues: queues.map(({ queue, messages }) => ({ queue, messages })) };
  });
}

export function frozenGuests(world: World): FrozenGuest[] {
  const frozen: FrozenGuest[] = [];
  for (const site of world.sites.values())
    for (const [service, state] of site.states()) {
      if (service.name !== 'compute') continue;
      for (const row of service.inspect?.(state, site) ?? []) {
        const since = row['frozenSince'];
        if (typeof since === 'number') frozen.push({ site: site.name, server: row.id, name: row.name, since, forMs: site.clock.now() - since });
      }
    }
  return frozen;
}
