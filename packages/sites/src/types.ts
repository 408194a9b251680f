import type { Cloud } from '@godwit/openstack';
import type { RpcClient } from '@godwit/oslo-messaging';
import type { NovaCompute } from './nova-compute.ts';

/**
 * A project by the names of itself and its domain. Sites with Keystones of their own give the same project different ids;
 * the names are what a tenant's projects at two sites have in common (docs/decisions/0003-projects-by-name.md).
 */
export interface ProjectRef {
  readonly name: string;
  readonly domain: string;
}

/** One site: where it is, how to speak to it. All I/O is lazy; a dead site fails when used, not when listed. */
export interface Site {
  readonly name: string;
  readonly region: string | undefined;
  readonly authUrl: string;
  /** As Godwit's service user in its own project: reads over all projects (hosts, services). */
  readonly admin: Cloud;
  /** As Godwit's service user in a tenant's project. Lazy: where it has no role, the first call fails (GW_SITE_CREDENTIALS). */
  asProject(project: ProjectRef): Cloud;
  /** RPC to the site's daemons. Throws GW_RPC_NOT_CONFIGURED. */
  rpc(): RpcClient;
  readonly compute: NovaCompute;
}

export interface ServiceCheck {
  readonly service: string;
  readonly ok: boolean;
  readonly version?: string;
  readonly latencyMs?: number;
  readonly code?: string;
  readonly message?: string;
  readonly action?: string;
}

export interface SiteCheck {
  readonly site: string;
  readonly ok: boolean;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly checks: readonly ServiceCheck[];
}

export interface SiteHealth {
  readonly site: string;
  readonly state: 'up' | 'down' | 'unknown';
  /** Since when, ISO 8601. */
  readonly since: string;
  readonly message?: string;
}

export interface SiteRegistry {
  names(): readonly string[];
  /** Throws GW_SITE_UNKNOWN (terminal), naming the sites there are. */
  get(name: string): Site;
  list(): readonly Site[];
  /** Logs in, and asks each service and the broker. Never throws for a failing site. */
  check(name: string): Promise<SiteCheck>;
  /** What the last poll saw; polls run while start()ed. */
  health(name: string): SiteHealth;
  /** Name of a resource of `from` (flavor, network, …) as it is called at `to`: the mapping's, else the same name. */
  map(from: string, to: string, what: MappedKind, name: string): string;
  start(): void;
  close(): Promise<void>;
}

export type MappedKind = 'flavors' | 'networks' | 'volumeTypes' | 'securityGroups' | 'availabilityZones';
