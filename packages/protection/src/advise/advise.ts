import type { Job } from '@godwit/workflow';
import type { Deps } from '../deps.ts';
import { peerSite } from '../group-sites.ts';
import { methods } from '../methods/index.ts';
import { protectPreflight } from '../preflight/protect.ts';
import { methodNames, type Advice, type Group } from '../schemas.ts';
import { measured } from './history.ts';

/** Better first: what shows all members at one moment, then each for itself. */
const rank = { application: 0, server: 1, none: 2 } as const;

/**
 * Which methods this group can use between its two sites now, and why not the others: each is asked as a protect by it would be. Changes
 * nothing.
 */
export async function advise(deps: Deps, group: Group, jobs: readonly Job[]): Promise<Advice> {
  const points = await deps.store.points(group.id);
  const looked: Advice['methods'] = [];
  // One after the other: they look at the same things, and a guest's agent is asked once at a time.
  for (const name of methodNames) {
    const { servers, findings } = await protectPreflight(deps, { ...group, policy: { ...group.policy, method: name } });
    looked.push({
      method: name,
      current: group.policy.method === name,
      usable: findings.length === 0,
      ...(servers.length === group.members.length ? { consistency: methods[name].consistency(servers) } : {}),
      reasons: [...findings],
      expected: measured(name, group, points, jobs),
    });
  }
  const best = looked.filter((m) => m.usable).toSorted((a, b) => rank[a.consistency ?? 'none'] - rank[b.consistency ?? 'none'])[0];
  return { group: group.name, site: group.activeSite, recoverySite: peerSite(group), ...(best ? { recommended: best.method } : {}), methods: looked };
}
