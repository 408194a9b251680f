import type { Site } from '../core/site.ts';
import { parseCidr, toNumber, toText, within } from './addresses.ts';
import { fault, invalid } from './common.ts';
import type { NeutronState, Port, Subnet } from './state.ts';

/** Left out: any. */
export type WantedIps = readonly { readonly subnet_id?: string | undefined; readonly ip_address?: string | undefined }[] | undefined;

/** As Neutron's base_mac has it, and free on the network. */
export function freshMac(site: Site, macs: ReadonlyMap<string, string>): string {
  for (;;) {
    const mac = `fa:16:3e:${site.random.hex(6).replace(/(..)(?=.)/g, '$1:')}`;
    if (!macs.has(mac)) return mac;
  }
}

/** What is asked for, or an address of the network's IPv4 subnet (and of its IPv6 one). @throws ApiError 400, 409 */
export function allocate(site: Site, state: NeutronState, networkId: string, wanted: WantedIps, mine: ReadonlySet<string> = new Set()): Port['fixedIps'] {
  const subnets = [...state.subnets.values()].filter((s) => s.networkId === networkId);
  const ips = state.addresses.get(networkId)?.ips ?? new Map<string, string>();
  const free = (subnet: Subnet, ip: string): boolean => mine.has(`${subnet.id} ${ip}`) || !ips.has(`${subnet.id} ${ip}`);
  const any = (subnet: Subnet): Port['fixedIps'][number] => ({ subnet_id: subnet.id, ip_address: freeAddress(site, subnet, (ip) => free(subnet, ip)) });
  if (wanted === undefined) return [4, 6].flatMap((v) => subnets.filter((s) => s.version === v).slice(0, 1)).map(any);
  return wanted.map(({ subnet_id, ip_address }) => {
    let subnet = subnets.find((s) => s.id === subnet_id);
    if (subnet_id !== undefined && !subnet) throw fault(400, 'InvalidInput', `Invalid input for operation: Failed to create port on network ${networkId}, because fixed_ips included invalid subnet ${subnet_id}.`);
    if (ip_address === undefined) {
      if (!subnet) throw fault(400, 'InvalidInput', 'Invalid input for operation: IP allocation requires subnet_id or ip_address.');
      return any(subnet);
    }
    const n = addressOf(ip_address);
    subnet ??= subnets.find((s) => within(parseCidr(s.cidr), n));
    if (!subnet) throw fault(400, 'InvalidIpForNetwork', `IP address ${ip_address} is not a valid IP for any of the subnets on the specified network.`);
    if (!within(parseCidr(subnet.cidr), n)) throw fault(400, 'InvalidIpForSubnet', `IP address ${ip_address} is not a valid IP for the specified subnet.`);
    if (!free(subnet, ip_address)) throw fault(409, 'IpAddressAlreadyAllocated', `IP address ${ip_address} already allocated in subnet ${subnet.id}`);
    return { subnet_id: subnet.id, ip_address };
  });
}

function addressOf(ip: string): bigint {
  try {
    return toNumber(ip);
  } catch (error) {
    throw invalid('fixed_ips', (error as Error).message);
  }
}

/** From a random place of the pools on, as Neutron draws from a window. */
function freeAddress(site: Site, subnet: Subnet, free: (ip: string) => boolean): string {
  for (const pool of subnet.pools) {
    const first = toNumber(pool.start);
    const size = toNumber(pool.end) - first + 1n;
    const from = BigInt(site.random.int(Number(size > 4096n ? 4096n : size)));
    for (let i = 0n; i < size; i += 1n) {
      const ip = toText(first + ((from + i) % size), subnet.version);
      if (free(ip)) return ip;
    }
  }
  throw fault(409, 'IpAddressGenerationFailure', `No more IP addresses available on network ${subnet.networkId}.`);
}
