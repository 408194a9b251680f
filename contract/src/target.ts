import type { Cloud, CloudConfig } from '@godwit/openstack';
import type { RpcClient } from '@godwit/oslo-messaging';

/** Who asks: the users of lab/topologies/two-site.yaml, and Godwit's service user in the project of its own. */
export type As = 'tenant' | 'auditor' | 'stranger' | 'godwit' | 'service' | 'admin';

export interface CloudOptions {
  readonly password?: string;
  readonly project?: string;
}

/** Where the suite runs: real sites or emulated ones, made from the same topology, so under the same names. */
export interface Target {
  readonly kind: 'lab' | 'emulator';
  cloud(site: string, as: As, options?: CloudOptions): Promise<Cloud>;
  /** A client of one's own making, through the same recorder. */
  cloudOf(config: CloudConfig): Cloud;
  /** A request as it is, through the same recorder. */
  send(method: 'GET' | 'POST' | 'PUT' | 'DELETE', url: string, headers: Readonly<Record<string, string>>, body?: string): Promise<number>;
  rpc(site: string): RpcClient;
  /** The name under which the site's nova-compute listens. */
  computeHost(site: string): string;
  /** Ends a daemon of a site; resolves when it is gone. */
  stop(site: string, service: Daemon): Promise<void>;
  start(site: string, service: Daemon): Promise<void>;
  /** What happens inside a guest: its agent is hung, goes on, is ended, is started. */
  guestAgent(site: string, server: { readonly id: string; readonly ip: string }, action: 'stop' | 'cont' | 'kill' | 'start'): Promise<void>;
  /** Resolves when the guest has booted and its writer writes. */
  guestReady(site: string, serverId: string): Promise<void>;
  /** Empties the tenant's project, so that a run begins as the one before it. */
  reset(): Promise<void>;
  close(): Promise<void>;
}

export type Daemon = 'cinder-backup' | 'cinder-volume' | 'nova-compute';
