import { at, GodwitError, keysNeeded, toGodwitError } from '@godwit/sites';
import type { Deps } from '../deps.ts';
import { compare } from '../keys/compare.ts';
import { knownHashes } from '../keys/deliver.ts';
import { keyKinds } from '../nodes.ts';
import type { Clouds } from '../probe/clouds.ts';
import { regionOf } from '../render/files.ts';
import { skewOf } from '../keys/clock.ts';
import type { Finding, StarCheck } from '../schemas.ts';
import type { StarNode, StarSite } from '../star.ts';
import { databaseOf, databaseState, look, sourceOf, type View } from '../topology/view.ts';
import { sameUrl, writer } from '../join/catalog.ts';
import { settingsFindings } from './settings.ts';

type Line = StarCheck['checks'][number];
type Run = () => Promise<string | readonly Finding[]>;

/** Holds what a site needs against what is there. All checks side by side; one that fails keeps none from being made. */
export async function checkSite(deps: Deps & { readonly clouds: Clouds }, site: StarSite, signal: AbortSignal): Promise<StarCheck> {
  const view = await look(deps);
  const checks: [string, Run][] = [
    ['policy', () => Promise.resolve(policy(deps))],
    ...site.nodes.flatMap((node): [string, Run][] => [
      [`agent of ${node.name}`, () => Promise.resolve(agent(view, node))],
      [`keys of ${node.name}`, () => keys(deps, view, node)],
      [`clock of ${node.name}`, () => Promise.resolve(clock(deps, view, node))],
      [`database of ${node.name}`, () => Promise.resolve(database(deps, view, node))],
      [`settings of ${node.name}`, () => Promise.resolve(settings(deps, view, node))],
      [`keystone of ${node.name}`, () => answers(deps.clouds, site, node.url, node.name, signal)],
    ]),
    ['catalogue', () => catalogue(deps, site, signal)],
    ['address', () => answers(deps.clouds, site, site.url, 'the site’s address', signal)],
    ['writes', () => writes(deps, site, signal)],
  ];
  const lines = (await Promise.all(checks.map(([name, run]) => line(site.name, name, run)))).flat();
  return { site: site.name, ok: lines.every((l) => l.ok), checks: lines };
}

async function line(site: string, check: string, run: Run): Promise<Line[]> {
  try {
    const answer = await run();
    if (typeof answer === 'string') return [{ check, ok: true, message: answer }];
    return answer.map((f) => ({ check, ok: false, code: f.code, message: f.message, ...(f.action !== undefined && { action: f.action }) }));
  } catch (error) {
    const e = toGodwitError(error, { site });
    return [{ check, ok: false, code: e.code, message: e.message, ...(e.action !== undefined && { action: e.action }) }];
  }
}

function policy({ star: { config } }: Deps): string {
  const needed = keysNeeded({ ...config.tokens, periodSeconds: config.fernet.periodSeconds });
  return `max_active_keys ${config.fernet.maxActiveKeys} >= (${config.tokens.expirationSeconds} s + ${config.tokens.allowExpiredWindowSeconds} s) / ${config.fernet.periodSeconds} s + 2 = ${needed}`;
}

const one = (code: string, node: StarNode, message: string, action: string): Finding[] => [{ code, site: node.site, resource: `node ${node.name}`, message, action }];

function agent(view: View, node: StarNode): string | Finding[] {
  const state = view.states.get(node.name);
  if (!state) return one('GW_NODE_NOT_ENROLLED', node, `${node.name} was never enrolled`, 'Install the agent there and enrol it: docs/operators/identity.md.');
  if (!state.connected || !state.report) return one('GW_NODE_AWAY', node, `it is not connected${state.lastSeen === undefined ? '' : `, last seen ${state.lastSeen}`}`, 'Look at the agent’s log on that node.');
  const { ready } = state.report;
  if (ready && !ready.ok) return one('GW_NODE_NOT_READY', node, `it keeps requests away: ${ready.reasons.map((r) => r.message).join('; ')}`, 'Mend what it names; it lets requests in by itself then.');
  return `agent ${state.report.agentVersion}${ready ? ', lets requests in' : ''}`;
}

async function keys(deps: Deps, view: View, node: StarNode): Promise<string | Finding[]> {
  const findings: Finding[] = [];
  const said: string[] = [];
  for (const kind of keyKinds) {
    const wanted = await deps.store.generation(kind);
    if (!wanted) return one('GW_KEYS_NOT_ADOPTED', node, `the star has no ${kind} keys yet`, 'godwit identity adopt');
    const difference = compare(view.states.get(node.name)?.report?.repositories.find((r) => r.kind === kind), wanted, await knownHashes(deps, kind));
    if (difference.same) said.push(`${kind} generation ${wanted.generation}`);
    else findings.push(...one(difference.foreign.length > 0 ? 'GW_KEY_FOREIGN' : 'GW_KEYS_DIFFER', node, `${kind} keys: ${difference.text}`, difference.mayHaveSigned ? `Find out who put it there, then: godwit identity restore ${node.name}.` : 'They are brought to it by themselves when its agent is connected.'));
  }
  return findings.length > 0 ? findings : said.join(', ');
}

function clock(deps: Deps, view: View, node: StarNode): string | Finding[] {
  const state = view.states.get(node.name);
  const skew = state && skewOf(state);
  if (skew === undefined) return one('GW_NODE_AWAY', node, 'nothing is known of its clock', 'Look at the agent’s log on that node.');
  if (Math.abs(skew) > deps.star.config.clockSkewSeconds * 1000) return one('GW_CLOCK_SKEW', node, `${(skew / 1000).toFixed(1)} s off`, 'Mend its time synchronization; the life of tokens is judged by each node’s own clock.');
  return `${(skew / 1000).toFixed(2)} s off`;
}

function database(deps: Deps, view: View, node: StarNode): string | Finding[] {
  const found = databaseOf(view, node.name);
  const state = databaseState(found, deps.star.config.lagLimitSeconds);
  if (node.role === 'master') {
    if (state === 'Synced' && found?.role === 'member') return `member, cluster of ${found.cluster?.size ?? 1}`;
    return one('GW_DATABASE_NOT_MEMBER', node, `it is not a synced member of the master cluster (${state})`, 'Look at SHOW STATUS LIKE "wsrep%" there.');
  }
  if (found?.role === 'replica' && state === 'Following' && found.readOnly !== false) {
    const source = sourceOf(deps, found);
    return `replica of ${source?.name ?? 'a server that is none of the star’s'}, ${found.lagSeconds ?? 0} s behind`;
  }
  if (found?.role === 'replica' && found.readOnly === false) return one('GW_REPLICA_WRITABLE', node, 'its MariaDB is not read_only: what is written there is lost to all others', 'Set read_only = ON, and rebuild it if it was written to.');
  return one(state === 'Diverged' ? 'GW_REPLICA_DIVERGED' : 'GW_REPLICA_NOT_FOLLOWING', node, `it does not follow (${state}): ${found?.diverged ?? found?.lastError?.message ?? 'no reason is told'}`, `godwit identity repoint ${node.name}`);
}

function settings(deps: Deps, view: View, node: StarNode): string | Finding[] {
  const told = view.states.get(node.name)?.report?.keystone;
  if (!told) return 'its agent does not tell them';
  const findings = settingsFindings(deps, node.name, node.site, told);
  return findings.length > 0 ? findings : `tokens live ${told.tokenExpirationSeconds} s; receipts have the tokens’ keys`;
}

async function answers(clouds: Clouds, site: StarSite, url: string, what: string, signal: AbortSignal): Promise<string> {
  const cloud = clouds.at(site.name, url);
  const begun = performance.now();
  const token = await at(site.name, () => cloud.session.issue({ signal, retries: 0, timeoutMs: 10_000 }));
  const info = await at(site.name, () => cloud.identity.validateToken(token.id, { signal, retries: 0, timeoutMs: 10_000 }));
  if (!info) throw new GodwitError('GW_TOKEN_REFUSED', 'retryable', `${what} does not accept a token that it issued itself`, { site: site.name, action: 'Its Keystones do not have the same keys: look at the checks of keys.' });
  return `a token issued and validated in ${Math.round(performance.now() - begun)} ms`;
}

async function catalogue(deps: Deps & { clouds: Clouds }, site: StarSite, signal: AbortSignal): Promise<string | Finding[]> {
  const region = regionOf(site, deps.sites.get(site.name).region);
  const { identity } = deps.clouds.at(site.name, site.url);
  const [service] = await at(site.name, () => identity.services.list({ type: 'identity' }, { signal }));
  const endpoints = service ? await at(site.name, () => identity.endpoints.list({ service_id: service.id, region_id: region }, { signal })) : [];
  const findings: Finding[] = [];
  for (const kind of ['public', 'internal', 'admin']) {
    const found = endpoints.find((e) => e.interface === kind);
    const about = { site: site.name, resource: `endpoint ${kind} identity ${region}` };
    if (!found) findings.push({ code: 'GW_ENDPOINT_MISSING', ...about, message: `region ${region} has no ${kind} identity endpoint: services of the site would validate elsewhere`, action: 'godwit identity join SITE makes it; at the first master make it by hand: openstack endpoint create.' });
    else if (!sameUrl(found.url, site.url)) findings.push({ code: 'GW_ENDPOINT_DIFFERS', ...about, message: `the ${kind} identity endpoint of region ${region} is ${found.url}, and identity.sites.${site.name}.url is ${site.url}`, action: 'Make them the same.' });
    else if (found.enabled === false) findings.push({ code: 'GW_ENDPOINT_MISSING', ...about, message: `the ${kind} identity endpoint of region ${region} is not enabled`, action: 'It is enabled when the site has joined.' });
  }
  return findings.length > 0 ? findings : `region ${region}, ${site.url}`;
}

/** A region that nobody uses, made and deleted through the site's address: only by way of the masters can that succeed at a replica. */
async function writes(deps: Deps & { clouds: Clouds }, site: StarSite, signal: AbortSignal): Promise<string> {
  const { identity } = deps.clouds.at(site.name, site.url);
  const id = `godwit-check-${site.name}`;
  const begun = performance.now();
  await at(site.name, async () => {
    const master = (await writer(deps, deps.clouds)).cloud.identity;
    const there = async (): Promise<boolean> => (await master.regions.list({}, { signal })).some((r) => r.id === id);
    // Of a check that did not live to its end.
    if (await there()) await identity.regions.delete(id, { signal });
    await identity.regions.create({ id, description: 'made by godwit identity check, and deleted at once' }, { signal, timeoutMs: 10_000 });
    try {
      if (!(await there())) throw new GodwitError('GW_WRITE_ASTRAY', 'terminal', `a write through ${site.url} succeeded, and the masters do not have it`, { site: site.name, action: 'Something between writes to a database that is none of the cluster’s: render HAProxy’s configuration anew, and check read_only at the replicas.' });
    } finally {
      await identity.regions.delete(id, { signal, timeoutMs: 10_000 });
    }
  });
  return `a region made and deleted in ${Math.round(performance.now() - begun)} ms`;
}
