import type { Deps } from '../deps.ts';
import { keyKinds } from '../nodes.ts';
import { regionOf } from '../render/files.ts';
import { skewOf } from '../keys/clock.ts';
import type { Finding, StarReport } from '../schemas.ts';
import type { StarSite } from '../star.ts';
import { chooseSource } from '../topology/choose.ts';
import { databaseOf, databaseState, look, type View } from '../topology/view.ts';
import { settingsFindings } from '../check/settings.ts';

/** What would keep a site from joining: all of it. */
export async function joinPreflight(deps: Deps, site: StarSite): Promise<StarReport> {
  const view = await look(deps);
  const findings: Finding[] = [];
  const state = view.memberships.get(site.name)?.state;
  if (state !== undefined && state !== 'left') findings.push({ code: 'GW_STAR_MEMBER', site: site.name, message: `${site.name} is in the star already (${state})`, action: 'Look at godwit identity status.' });
  for (const kind of keyKinds) if (!(await deps.store.generation(kind))) findings.push({ code: 'GW_KEYS_NOT_ADOPTED', message: `the star has no ${kind} keys yet`, resource: `${kind} keys`, action: 'Take over those of the Keystone that there is: godwit identity adopt.' });
  let region = '';
  try {
    region = regionOf(site, deps.sites.get(site.name).region);
  } catch (error) {
    findings.push({ code: 'GW_CONFIG_INVALID', site: site.name, message: (error as Error).message, action: 'Give identity.sites.SITE.region.' });
  }
  for (const node of site.nodes) findings.push(...nodeFindings(deps, view, site, node.name));
  const others = deps.star.sites.filter((s) => s.name !== site.name && view.memberships.get(s.name)?.state === 'member');
  const plan = [
    `hold ${site.nodes.map((n) => n.name).join(', ')} out of service`,
    ...site.nodes.map((n) => (site.role === 'master' ? `see that ${n.name} is a synced member of the cluster` : seedPlan(deps, view, n.name))),
    `give them the star’s keys; keys that lie there make way`,
    `make region ${region} and the identity endpoints at ${site.url}, not announced yet`,
    `validate tokens of every Keystone of ${site.name} at those of ${others.map((s) => s.name).join(', ')}, and back`,
    'let them serve, and try the site’s address',
    'announce the endpoints',
  ];
  return { ok: findings.length === 0, subject: `site ${site.name}`, findings, plan };
}

function nodeFindings(deps: Deps, view: View, site: StarSite, name: string): Finding[] {
  const state = view.states.get(name);
  const about = { site: site.name, resource: `node ${name}` };
  if (!state) return [{ code: 'GW_NODE_NOT_ENROLLED', ...about, message: `${name}: its agent was never enrolled`, action: 'Install the agent there and enrol it: docs/operators/identity.md.' }];
  if (!state.connected || !state.report) return [{ code: 'GW_NODE_AWAY', ...about, message: `${name}: its agent is not connected`, action: 'Look at the agent’s log on that node.' }];
  const findings: Finding[] = [];
  if (state.site !== site.name) findings.push({ code: 'GW_NODE_SITE', ...about, message: `${name} was enrolled for ${state.site}, and godwit.yaml has it at ${site.name}`, action: 'Enrol it anew, or correct identity.sites.' });
  const skew = skewOf(state) ?? 0;
  if (Math.abs(skew) > deps.star.config.clockSkewSeconds * 1000) findings.push({ code: 'GW_CLOCK_SKEW', ...about, message: `the clock of ${name} is ${(skew / 1000).toFixed(1)} s off`, action: 'Mend its time synchronization.' });
  findings.push(...settingsFindings(deps, name, site.name, state.report.keystone));
  const database = databaseOf(view, name);
  if (site.role === 'master' && databaseState(database, Infinity) !== 'Synced') findings.push({ code: 'GW_DATABASE_NOT_MEMBER', ...about, message: `the MariaDB of ${name} is not a synced member of the master cluster (${databaseState(database, Infinity)})`, action: 'Let it join the Galera cluster first: godwit identity render --site SITE mariadb.' });
  if (site.role === 'replica') {
    const node = deps.star.node(name);
    if (!chooseSource(deps, view, node)) findings.push({ code: 'GW_MASTER_AWAY', ...about, message: `no master is there to feed ${name}`, action: 'Look at godwit identity status.' });
  }
  return findings;
}

function seedPlan(deps: Deps, view: View, name: string): string {
  const node = deps.star.node(name);
  return needsSeed(deps, view, name) ? `build ${name}’s database from a dump of a master${node.source === undefined ? '' : ` at ${node.source}`}` : `${name} follows a master already`;
}

/** A replica that follows a member of the star is not built again. */
export function needsSeed(deps: Deps, view: View, name: string): boolean {
  const database = databaseOf(view, name);
  if (database?.role !== 'replica' || databaseState(database, Infinity) !== 'Following') return true;
  return !deps.star.nodes.some((n) => n.role === 'master' && n.database !== undefined && database.source !== undefined && n.database === `${database.source.host}:${database.source.port}`);
}
