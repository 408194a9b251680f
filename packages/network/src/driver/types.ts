import type { Agent } from '@godwit/openstack';
import type { Site } from '@godwit/sites';
import type { Finding } from '../schemas.ts';

/** A hypervisor of another site, as a site knows it. */
export interface RemoteVtep {
  /** Name of the agent that plays it. */
  readonly host: string;
  /** Address of the tunnel's other end. */
  readonly vtep: string;
}

export interface AddressEntry {
  readonly networkId: string;
  readonly ip: string;
  readonly mac: string;
  /** Tunnel end of the hypervisor where it is. */
  readonly vtep: string;
  readonly answersItself: boolean;
}

/** A tunnel end that another takes the place of, at once and for all ports of a network. */
export interface Redirect {
  readonly networkId: string;
  readonly vni: number;
  readonly from: string;
  readonly to: string;
  readonly ports: readonly { readonly mac: string; readonly ips: readonly string[] }[];
}

export interface Heard {
  readonly networkId: string;
  /** The tunnel ends that it was about. */
  readonly vteps: readonly string[];
  /** Something is no longer reached there. */
  readonly gone: boolean;
}

export interface Listening {
  /** False: the broker ended it, or was lost; listen anew. */
  readonly active: boolean;
  close(): Promise<void>;
}

/** How a kind of Neutron is made to know of ports that are elsewhere. OVS with l2population is the first; ML2/OVN can follow. */
export interface Driver {
  readonly name: string;
  /** Why the network back end of a site, told from its agents, does not suit; empty: it does. */
  unfit(site: Site, agents: readonly Agent[]): readonly Finding[];
  /** Where the packets for a host of a site are to be sent; undefined: it has no tunnel's end. */
  vtepOf(agent: Agent): string | undefined;
  /** Makes a remote hypervisor known and alive, so that ports can be bound to it. Needed again within the site's agent_down_time. */
  report(site: Site, remote: RemoteVtep, options?: { readonly confirmed: boolean }): Promise<void>;
  /** Ports of one remote hypervisor begin and cease to be reached. Success is seen by listing them. */
  wire(site: Site, host: string, change: { readonly up: readonly string[]; readonly down: readonly string[] }): Promise<void>;
  /** Tells one hypervisor who answers for an address that is no port's, or (`answersItself`) that nothing is to be answered there for it. Needs no Neutron. Left out: the back end has no such thing. */
  announce?(site: Site, host: string, entry: AddressEntry): Promise<void>;
  /** Tells one hypervisor that what it reached by one tunnel end it now reaches by another. Needs no Neutron, which is told by `report`. */
  redirect(site: Site, host: string, redirect: Redirect): Promise<void>;
  /** Hears of ports that came, changed or went. */
  listen(site: Site, onChange: (heard: Heard) => void): Promise<Listening>;
}
