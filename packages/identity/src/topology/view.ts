import type { Deps } from '../deps.ts';
import { parseGtid, type GtidPosition } from '../gtid.ts';
import type { DatabaseReport, HostPort, NodeState } from '../nodes.ts';
import { hostPort, type StarNode } from '../star.ts';
import type { Detour, Membership } from '../store/types.ts';

/** All that is known of the star at one moment. */
export interface View {
  readonly at: Date;
  readonly states: ReadonlyMap<string, NodeState>;
  readonly memberships: ReadonlyMap<string, Membership>;
  readonly detours: ReadonlyMap<string, Detour>;
}

export async function look(deps: Pick<Deps, 'nodes' | 'store' | 'clock'>): Promise<View> {
  const [states, memberships, detours] = await Promise.all([deps.nodes.list(), deps.store.memberships(), deps.store.detours()]);
  return {
    at: deps.clock.now(),
    states: new Map(states.map((n) => [n.name, n])),
    memberships: new Map(memberships.map((m) => [m.site, m])),
    detours: new Map(detours.map((d) => [d.node, d])),
  };
}

export type DatabaseState = 'Synced' | 'NotPrimary' | 'NotSynced' | 'Following' | 'Lagging' | 'Stopped' | 'Broken' | 'Diverged' | 'Absent' | 'Unknown';

/** In a word: whether it can serve, and if not, why. */
export function databaseState(database: DatabaseReport | undefined, lagLimitSeconds: number): DatabaseState {
  if (database === undefined) return 'Unknown';
  if (database.diverged !== undefined) return 'Diverged';
  switch (database.role) {
    case 'none':
      return 'Absent';
    case 'member': {
      const { cluster } = database;
      if (cluster === undefined) return 'Synced';
      if (cluster.status !== 'Primary') return 'NotPrimary';
      return cluster.ready ? 'Synced' : 'NotSynced';
    }
    case 'replica':
      if (database.sqlRunning === false) return 'Broken';
      if (database.ioRunning === false) return 'Stopped';
      return (database.lagSeconds ?? 0) > lagLimitSeconds ? 'Lagging' : 'Following';
  }
}

/** Of a node that is heard now. What a node said before it fell silent is no answer to "does it live?". */
export const databaseOf = (view: View, node: string): DatabaseReport | undefined => {
  const state = view.states.get(node);
  return state?.connected ? state.report?.database : undefined;
};

export const positionOf = (database: DatabaseReport | undefined): GtidPosition => parseGtid(database?.role === 'replica' ? (database.gtidSlave ?? database.gtidCurrent) : database?.gtidCurrent);

export const sameAddress = (a: HostPort | undefined, b: HostPort | undefined): boolean => a !== undefined && b !== undefined && a.host === b.host && a.port === b.port;

export const addressOf = (node: Pick<StarNode, 'database'>): HostPort | undefined => (node.database === undefined ? undefined : hostPort(node.database));

/** Which node of the star a replica follows; undefined when it follows none of them, or nothing is known. */
export function sourceOf(deps: Pick<Deps, 'star'>, database: DatabaseReport | undefined): StarNode | undefined {
  return deps.star.nodes.find((n) => sameAddress(addressOf(n), database?.source));
}

/** A master that can feed a replica: heard, in the primary component, synced. */
export const feeds = (view: View, node: StarNode): boolean => node.role === 'master' && databaseState(databaseOf(view, node.name), Infinity) === 'Synced' && databaseOf(view, node.name)?.role === 'member';
