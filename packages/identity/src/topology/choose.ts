import type { Deps } from '../deps.ts';
import { ahead } from '../gtid.ts';
import type { DatabaseReport } from '../nodes.ts';
import type { StarNode } from '../star.ts';
import { databaseOf, databaseState, feeds, positionOf, sourceOf, type View } from './view.ts';

export interface Choice {
  readonly node: StarNode;
  /** By how many transactions the replica is ahead of it: more than 0, and the replica holds what the masters do not. */
  readonly ahead: number;
}

/** A living master for a replica: of its own site if that can feed it, else of another, of those in the star. */
export function chooseSource(deps: Pick<Deps, 'star'>, view: View, replica: StarNode, options: { readonly site?: string; readonly without?: string } = {}): Choice | undefined {
  const position = positionOf(databaseOf(view, replica.name));
  const inStar = (site: string): boolean => ['member', 'joining'].includes(view.memberships.get(site)?.state ?? '');
  const candidates = deps.star.nodes
    .filter((n) => feeds(view, n) && inStar(n.site) && n.site !== options.without && (options.site === undefined || n.site === options.site))
    .map((node): Choice => ({ node, ahead: ahead(position, positionOf(databaseOf(view, node.name))) }))
    .sort((a, b) => Number(b.node.site === replica.source) - Number(a.node.site === replica.source) || a.ahead - b.ahead || a.node.name.localeCompare(b.node.name));
  return candidates[0];
}

export interface Need {
  readonly node: StarNode;
  readonly what: 'repoint' | 'return' | 'seed';
  /** One sentence, for a condition. */
  readonly why: string;
}

/**
 * What a replica needs now. `repoint`: its source is gone, or does not let it follow. `return`: its own source is well again. `seed`: it is not
 * what the masters are, and replication cannot make it so. Whether the time has come is the caller's to say.
 *
 * A source whose agent is not heard counts as gone, though its database may live: to follow another by GTID costs nothing, while a replica takes
 * a minute (slave_net_timeout) to see that a source lost its power.
 */
export function needOf(deps: Pick<Deps, 'star'>, view: View, replica: StarNode): Need | undefined {
  const database = databaseOf(view, replica.name);
  if (database?.role === 'none') return needOfStray(deps, view, replica, database);
  if (database?.role !== 'replica') return undefined;
  const state = databaseState(database, Infinity);
  if (state === 'Diverged') return { node: replica, what: 'seed', why: `it is not what the masters are: ${database.diverged ?? ''}` };
  const best = chooseSource(deps, view, replica);
  if (!best || state === 'Broken') return undefined;
  const source = sourceOf(deps, database);
  if (source === undefined || !feeds(view, source) || state === 'Stopped') {
    // All that live are behind it: they have lost what it holds, or somebody wrote to it.
    if (best.ahead > 0) return { node: replica, what: 'seed', why: `it holds ${best.ahead} transactions that no living master has` };
    const why = source === undefined ? 'it follows a server that is none of the star’s masters' : feeds(view, source) ? `${source.name} does not feed it${database.lastError ? `: ${database.lastError.message}` : ''}` : `its source ${source.name} is gone`;
    return { node: replica, what: 'repoint', why };
  }
  if (source.site !== replica.source && best.node.site === replica.source) return { node: replica, what: 'return', why: `its own source at ${best.node.site} is well again` };
  return undefined;
}

/**
 * Read-only, and follows nobody: somebody reset it, or its master.info is lost. Of one that does not answer (read_only is not known) nothing can be
 * said, and that of a site that joins is its job's to build.
 */
function needOfStray(deps: Pick<Deps, 'star'>, view: View, replica: StarNode, database: DatabaseReport): Need | undefined {
  if (database.readOnly !== true || view.memberships.get(replica.site)?.state !== 'member') return undefined;
  const best = chooseSource(deps, view, replica);
  if (!best) return undefined;
  const [position, there] = [positionOf(database), positionOf(databaseOf(view, best.node.name))];
  if (![...position.keys()].some((domain) => there.has(domain))) return { node: replica, what: 'seed', why: 'it follows nobody, and has no position to go on from' };
  if (best.ahead > 0) return { node: replica, what: 'seed', why: `it follows nobody, and holds ${best.ahead} transactions that no living master has` };
  return { node: replica, what: 'repoint', why: 'it follows nobody' };
}
