import { at, GodwitError, toGodwitError } from '@godwit/sites';
import type { StepContext } from '@godwit/workflow';
import { verifyChain } from '../cinder/chain.ts';
import { peerSite } from '../group-sites.ts';
import type { ServerRecord, VolumeRecord } from '../inventory/types.ts';
import { protectPreflight, protectReport } from '../preflight/protect.ts';
import { methodOf } from '../methods/index.ts';
import type { BegunReplica } from '../methods/replication/enable.ts';
import { fetchImages, needsOf } from '../preflight/readiness.ts';
import { refuse } from '../refuse.ts';
import type { Finding, Group, RecoveryPoint } from '../schemas.ts';
import type { ProtectDeps, ProtectInput } from './workflow.ts';

/** What the later steps work from; recorded, so that all of them see the same. */
export interface Prepared {
  readonly group: Group;
  readonly source: string;
  readonly target: string;
  readonly servers: readonly ServerRecord[];
  readonly volumes: readonly VolumeRecord[];
  readonly cinderGroupId: string;
  readonly sequence: number;
  /** False: this point begins a new chain. */
  readonly incremental: boolean;
  readonly createdAt: string;
  /** What was not alike at the recovery site. Left out by jobs of an older version. */
  readonly warnings?: readonly Finding[];
  /** Of replication. */
  readonly replicas?: readonly BegunReplica[];
}

export async function prepare(deps: ProtectDeps, input: ProtectInput, s: StepContext): Promise<Prepared> {
  const group = await deps.store.group(input.groupId);
  if (!group) throw new GodwitError('GW_GROUP_UNKNOWN', 'terminal', 'the group was deleted', { resource: `group ${input.groupId}` });
  if (group.state === 'FailingOver') {
    throw new GodwitError('GW_GROUP_BUSY', 'terminal', `group ${group.name} is failing over`, { resource: `group ${group.name}`, action: 'Wait until its recovery has ended.' });
  }
  s.progress({ phase: 'CheckingPrerequisites' });
  const preflight = await protectPreflight(deps, group);
  if (preflight.findings.length > 0) throw refuse(protectReport(group, preflight));
  for (const w of preflight.warnings) s.log(`${w.message}${w.action === undefined ? '' : ` (${w.action})`}`);
  await fetchImages(deps, needsOf(group.project, group.activeSite, peerSite(group), preflight.servers), s);
  const source = deps.sites.get(group.activeSite);
  const volumes = preflight.servers.flatMap((server) => server.volumes);
  const method = methodOf(group.policy);
  const cloud = source.asProject(group.project);
  const { cinderGroupId, replicas } = await at(source.name, () => method.prepare({ site: source.name, cloud, clock: deps.clock, signal: s.signal }, group, volumes, (phase) => s.progress({ phase }), deps));
  const points = await deps.store.points(group.id);
  const mine = points.find((p) => p.id === input.pointId);
  return {
    group,
    source: source.name,
    target: peerSite(group),
    servers: preflight.servers,
    volumes,
    cinderGroupId,
    sequence: mine?.sequence ?? (points.at(-1)?.sequence ?? 0) + 1,
    incremental: method.backsUp && (await chainGoesOn(deps, group, points, volumes)),
    createdAt: deps.clock.now().toISOString(),
    warnings: preflight.warnings,
    ...(replicas ? { replicas } : {}),
  };
}

/**
 * An increment needs a sound point of this site and these volumes before it, a chain that is not too long, and one that is still whole
 * at both ends: an increment on a parent that somebody deleted would be worth nothing.
 */
async function chainGoesOn(deps: ProtectDeps, group: Group, points: readonly RecoveryPoint[], volumes: readonly VolumeRecord[]): Promise<boolean> {
  const sound = points.filter((p) => p.state === 'Available' && p.sourceSite === group.activeSite && p.recoverySite === peerSite(group) && methodOf(p).backsUp);
  const last = sound.at(-1);
  if (!last) return false;
  if (!volumes.every((v) => last.volumes.some((l) => l.volumeId === v.id && l.sizeGiB === v.sizeGiB))) return false;
  if (!last.volumes.every((v) => v.chain.length < group.policy.fullEvery)) return false;
  try {
    for (const site of [group.activeSite, peerSite(group)]) {
      const cloud = deps.sites.get(site).asProject(group.project);
      await Promise.all(last.volumes.map((v) => verifyChain(site, cloud, v.chain)));
    }
    return true;
  } catch (error) {
    if (!(error instanceof GodwitError) || error.code !== 'GW_CHAIN_BROKEN') throw toGodwitError(error);
    deps.log('warn', 'the chain of the last recovery point is broken: this one begins a new one', { group: group.name, reason: error.message });
    return false;
  }
}
