import type { Deps } from '../deps.ts';
import { holderOf, type VipRecord } from './types.ts';

/** A host that does not answer must not hold up what its neighbours learn. */
const PATIENCE_MS = 3_000;

export interface Announced {
  readonly told: number;
  readonly untold: readonly string[];
}

/**
 * Tells every hypervisor's L2 agent, at all sites at once, who answers for the address: from then on ARP for it is answered from flow tables with the holder's
 * MAC address, whoever else may still claim it. One message a hypervisor, past Neutron, which need not be up; said again with each comparison, as an
 * agent that restarts forgets it.
 */
export async function announce(deps: Pick<Deps, 'sites' | 'driver' | 'clock' | 'log'>, vip: VipRecord): Promise<Announced> {
  const holder = holderOf(vip);
  const vtep = vip.places.find((p) => p.site === holder?.site)?.hosts[holder?.host ?? ''];
  const { announce: say } = deps.driver;
  if (!holder || vtep === undefined || !say) return { told: 0, untold: [] };
  const untold: string[] = [];
  let told = 0;
  await Promise.all(vip.places.flatMap(({ site, networkId, hosts, via }) => Object.keys(hosts).map(async (host) => {
    const answersItself = vip.state === 'Removing' || (site === holder.site && host === holder.host);
    const over = new AbortController();
    try {
      await Promise.race([
        say(deps.sites.get(site), host, { networkId, ip: vip.address, mac: holder.mac, vtep: site === holder.site ? vtep : (via ?? vtep), answersItself }),
        deps.clock.sleep(PATIENCE_MS, over.signal).then(() => {
          throw new Error(`no answer from the broker within ${PATIENCE_MS / 1_000} s`);
        }),
      ]);
      told += 1;
    } catch (error) {
      untold.push(`${site}/${host}`);
      deps.log('debug', 'a hypervisor could not be told of a virtual IP', { vip: vip.name, site, host, error: String(error) });
    } finally {
      over.abort();
    }
  })));
  return { told, untold };
}
