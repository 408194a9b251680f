/** Marks a port as one that stands for a port of another site. Not `compute:…`: Neutron would tell Nova of it. */
export const REMOTE = 'godwit:remote';
/** Keeps a virtual IP's address from being given to anybody. */
export const RESERVED = 'godwit:vip';
const AGENT = 'godwit-remote-';

/** The one virtual L2 agent of a site whose stretched networks go through its border gateways: they share a tunnel end, and agents that do take it from each other when one has no ports any more. */
export const GATEWAY_HOST = `${AGENT}gateway`;

/** In the description of a network that Godwit made at a site: ownership is there from the moment it exists, which a tag, set later, is not. */
export const networkMark = (id: string): string => `godwit stretched network ${id}`;
/** In the description of a remote port; its device_id is the id of the port that it stands for. */
export const portMark = (networkId: string, from: string): string => `godwit network ${networkId} from ${from}`;

export function readPortMark(text: string | null | undefined): { readonly network: string; readonly from: string } | undefined {
  const match = /^godwit network (\S+) from (\S+)$/.exec(text ?? '');
  return match ? { network: match[1] ?? '', from: match[2] ?? '' } : undefined;
}

/** Host name of the virtual L2 agent that plays a hypervisor of another site. */
export const virtualHost = (site: string, host: string): string => `${AGENT}${site}-${host}`;
export const isVirtualHost = (host: string): boolean => host.startsWith(AGENT);
