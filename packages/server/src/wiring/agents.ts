import { type AgentHub, type AgentTables, createHub } from '@godwit/agent-hub';
import type { KeystoneNodes, Sealer } from '@godwit/identity';
import { type GodwitConfig, openEnvelope } from '@godwit/sites';
import type { Kysely } from 'kysely';
import type { StorageNodes } from '@godwit/protection';
import type { GatewayNodes } from '@godwit/network';
import { gatewayNodes } from './gateway-nodes.ts';
import { keystoneNodes } from './keystone-nodes.ts';
import { storageNodes } from './storage-nodes.ts';

export interface AgentsOptions {
  readonly db: Kysely<unknown>;
  /** Unique among the controllers of the database, and the same at each start. */
  readonly controller: string;
  readonly listen: (text: string) => { readonly host: string; readonly port: number };
  readonly log: (level: 'debug' | 'info' | 'warn' | 'error', message: string, facts?: Record<string, unknown>) => void;
}

export interface Agents {
  readonly hub: AgentHub;
  /** What identity needs of the nodes, and of the master key. */
  readonly star: { readonly nodes: KeystoneNodes; readonly sealer: Sealer };
  /** What protection asks of the sites' storage. */
  readonly storage: StorageNodes;
  /** What stretched networks ask of the sites' border gateways. */
  readonly gateways: GatewayNodes;
}

/** The agents' side of a controller; undefined when none are configured. */
export async function openAgents(config: GodwitConfig, { db, controller, listen, log }: AgentsOptions): Promise<Agents | undefined> {
  if (!config.agents || !config.secrets) return undefined;
  const { agents } = config;
  const envelope = await openEnvelope(config.secrets);
  const hub = await createHub({
    // Kysely's type is invariant in its tables.
    db: db as Kysely<AgentTables>,
    envelope,
    controller,
    listen: listen(agents.listen),
    certificateLifeMs: agents.certificateDays * 86_400_000,
    reportEveryMs: agents.reportSeconds * 1_000,
    maxAgents: agents.maxAgents,
    log,
    ...(agents.advertise !== undefined && { advertise: agents.advertise }),
  });
  return { hub, storage: storageNodes(hub), gateways: gatewayNodes(hub), star: { nodes: keystoneNodes(hub), sealer: envelope } };
}
