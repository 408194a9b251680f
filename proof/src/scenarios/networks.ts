import { until } from '../world/until.ts';
import type { Unit } from '../world/unit.ts';
import type { Beginning, Scenario } from './scenario.ts';

/** Networks that are kept in step are looked at all the while: they have a ground of their own. */
const apart = 'networks';
const ownOf = ({ name }: Unit): string => `${name}-net`;
const wholeOf = ({ name }: Unit): string => `${name}-ha`;

/** At site1, a network of the unit's own with a port of a server; each has the same addresses, in its own network. */
const network: Beginning = {
  name: 'a network with a port',
  apart,
  async prepare({ sites }, unit) {
    const operator = await sites.cloud('site1-godwit');
    const { id } = await operator.network.networks.create({ name: ownOf(unit), 'provider:network_type': 'vxlan', 'provider:segmentation_id': 60_000 + unit.n });
    await operator.network.subnets.create({ network_id: id, name: ownOf(unit), ip_version: 4, cidr: '10.60.0.0/24', enable_dhcp: false, allocation_pools: [{ start: '10.60.0.10', end: '10.60.0.99' }] });
    const port = await (await sites.cloud('site1')).network.ports.create({ network_id: id, name: `${unit.name}-port`, mac_address: 'fa:16:3e:60:00:10', fixed_ips: [{ ip_address: '10.60.0.10' }] });
    const site1 = sites.emulator.site('site1');
    site1.part('ports').bind(port.id, { deviceId: `vm-${port.id}`, deviceOwner: 'compute:nova', host: site1.host });
    await until(`port ${port.id} is up`, async () => ((await operator.network.ports.get(port.id)).status === 'ACTIVE' ? true : undefined), 30_000);
  },
};

/** A new one at each site, or the one that site1 has with another at site2. */
const stretch = (wish: 'made' | 'adopted'): Scenario['submit'] => ({ api }, unit) =>
  api.ask('POST', '/v1/networks', wish === 'made'
    ? { name: wholeOf(unit), cidr: '10.61.0.0/24', sites: [{ site: 'site1' }, { site: 'site2' }] }
    : { name: wholeOf(unit), sites: [{ site: 'site1', network: ownOf(unit) }, { site: 'site2' }] });

const stretched: Beginning = {
  name: 'a stretched network',
  apart,
  async prepare(stage, unit) {
    await network.prepare(stage, unit);
    await stage.succeeds((await stretch('adopted')(stage, unit)).jobId);
  },
};

const unstretch: Scenario['submit'] = ({ api }, unit) => api.ask('POST', `/v1/networks/${wholeOf(unit)}/unstretch`, {});

/** One network over two sites, and back. */
export const scenarios: readonly Scenario[] = [
  { name: 'stretch a new network', workflow: 'network-stretch', from: network, submit: stretch('made') },
  { name: 'stretch a network that is there', workflow: 'network-stretch', from: network, submit: stretch('adopted'), only: (step) => step === 'mirror' },
  { name: 'stretch a network, and cancel', workflow: 'network-stretch', from: network, submit: stretch('made'), ends: 'cancelled', cancelAt: 'level-mtu', only: (step) => step.startsWith('undo ') || step === 'level-mtu' },
  { name: 'unstretch a network', workflow: 'network-unstretch', from: stretched, submit: unstretch },
];
