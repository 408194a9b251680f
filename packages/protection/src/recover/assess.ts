import { GodwitError } from '@godwit/sites';
import type { StepContext } from '@godwit/workflow';
import type { Deps } from '../deps.ts';
import type { ServerRecord, VolumeRecord } from '../inventory/types.ts';
import type { Manifest } from '../manifest/schema.ts';
import { readManifest } from '../manifest/store.ts';
import { findAll } from '../preflight/findings.ts';
import { fetchImages, needsOf, readinessWarnings } from '../preflight/readiness.ts';
import { recoverySiteChecks } from '../preflight/recovery-site.ts';
import { methodOf } from '../methods/index.ts';
import { refuse } from '../refuse.ts';
import type { Finding, Group, MethodName, RecoveryPoint, RecoveryResult, Report } from '../schemas.ts';
import { serversOfGroup } from './find.ts';
import type { Replica } from '../replication/types.ts';
import { plannedFindings } from './planned.ts';
import { returning, type Returns } from './returns.ts';
import type { RecoverInput } from './workflow.ts';

export interface RecoveryPlan {
  readonly group: Group;
  readonly pointId: string;
  readonly frozenAt: string;
  readonly from: string;
  readonly to: string;
  /** The epoch under which everything is made. */
  readonly epoch: number;
  /** In boot order. */
  readonly servers: readonly ServerRecord[];
  readonly volumes: readonly VolumeRecord[];
  /** By which the point was made; left out: group-snapshot. */
  readonly method?: MethodName | undefined;
  /** Image with the root disk, by the source's server id, of servers whose root is no volume. */
  readonly images?: Readonly<Record<string, string>> | undefined;
  /** Backup to restore, by the source's volume id. */
  readonly backups: Readonly<Record<string, string>>;
  /** The copy to promote, by the source's volume id. */
  readonly replicas?: Readonly<Record<string, Replica>> | undefined;
  /** Handed over by the site it leaves: nothing is lost. */
  readonly planned?: boolean;
  /** What of the group is at the site already, stopped, and comes back with its ids: by the source's ids. */
  readonly returns?: Returns;
  /** Set when there is nothing to do. */
  readonly alreadyActive?: RecoveryResult;
}

export async function assess(deps: Deps, input: RecoverInput, s: StepContext): Promise<RecoveryPlan> {
  s.progress({ phase: 'CheckingReadiness' });
  const group = await deps.store.group(input.groupId);
  if (!group) throw new GodwitError('GW_GROUP_UNKNOWN', 'terminal', 'the group was deleted', { resource: `group ${input.groupId}` });
  if (group.activeSite === input.to) return { ...emptyPlan(group, input), alreadyActive: await alreadyActive(deps, group, input) };
  const { plan, report } = await recoverPreflight(deps, group, input.to, input.pointId, { planned: input.planned === true });
  for (const w of report.warnings) s.log(`${w.message}${w.action === undefined ? '' : ` (${w.action})`}`);
  if (!plan) throw refuse(report);
  await fetchImages(deps, needsOf(group.project, plan.from, plan.to, plan.servers), s);
  return plan;
}

const emptyPlan = (group: Group, input: RecoverInput): RecoveryPlan => ({
  group, pointId: input.pointId, frozenAt: input.requestedAt, from: group.activeSite, to: input.to, epoch: group.epoch, servers: [], volumes: [], backups: {},
});

/** All that the recovery will need, looked at where it lies: the manifest, every chain, and everything at the recovery site. */
export async function recoverPreflight(deps: Deps, group: Group, to: string, pointId: string, { planned = false } = {}): Promise<{ plan?: RecoveryPlan; report: Report }> {
  const point = await deps.store.point(pointId);
  const tenant = deps.sites.get(to).asProject(group.project);
  let findings: Finding[];
  let warnings: Finding[] = [];
  let plan: RecoveryPlan | undefined;
  let manifest: Manifest | undefined;
  const manifestFindings = await findAll([
    {
      site: to,
      resource: `recovery point ${pointId}`,
      run: async () => {
        manifest = await readManifest(to, tenant, pointId, point?.manifest?.sha256);
        if (manifest.group.id !== group.id) throw new GodwitError('GW_MANIFEST_DAMAGED', 'terminal', `${to}: the manifest of recovery point ${pointId} is of another group, ${manifest.group.name}`, { site: to, resource: `recovery point ${pointId}`, action: 'Recover from another recovery point.' });
        if (manifest.point.recoverySite !== to) throw notHere(to, point, manifest.point.recoverySite);
        plan = {
          group,
          pointId,
          frozenAt: manifest.point.frozenAt,
          from: manifest.point.sourceSite,
          to,
          epoch: group.epoch + 1,
          servers: [...manifest.servers].sort((a, b) => a.order - b.order),
          volumes: manifest.servers.flatMap((server) => server.volumes),
          method: manifest.point.method,
          images: Object.fromEntries((manifest.point.images ?? []).map((i) => [i.serverId, i.imageId])),
          replicas: Object.fromEntries(manifest.point.volumes.flatMap((v) => (v.replica ? [[v.volumeId, v.replica]] : []))),
          backups: Object.fromEntries(manifest.point.volumes.map((v) => [v.volumeId, v.backupId])),
        };
        return [];
      },
    },
  ]);
  findings = manifestFindings;
  if (plan && manifest) {
    const { from } = plan;
    const { backupZone } = manifest.group.policy;
    const method = methodOf(manifest.point);
    if (method.name === 'replication') plan = { ...plan, ...(planned ? { planned } : {}), ...(await returning(deps, plan)) };
    const { servers, returns } = plan;
    const made = servers.filter((v) => returns?.servers[v.id] === undefined);
    findings = await findAll([
      ...method.store.checks(deps, group, manifest.point),
      ...(planned ? [{ site: from, resource: `group ${group.name}`, run: () => plannedFindings(deps, group, method.name, from) }] : []),
      ...recoverySiteChecks({ sites: deps.sites, from, to, tenant, servers: made, backupZone, backups: method.backsUp, addresses: true, network: deps.network }),
    ]);
    warnings = await readinessWarnings(deps, needsOf(group.project, from, to, servers), findings);
  }
  const report: Report = { ok: findings.length === 0, group: group.name, findings, warnings, plan: plan ? planText(plan) : [] };
  return findings.length === 0 && plan ? { plan, report } : { report };
}

function planText(plan: RecoveryPlan): string[] {
  const { planned = false, returns, group } = plan;
  const back = plan.servers.filter((v) => returns?.servers[v.id] !== undefined);
  const made = plan.servers.filter((v) => !back.includes(v));
  const size = `${plan.volumes.length} volumes (${plan.volumes.reduce((n, v) => n + v.sizeGiB, 0)} GiB)`;
  return [
    `epoch ${plan.epoch}: stop and lock ${group.members.map((m) => m.name).join(', ')} at ${group.activeSite}${planned ? '' : ', or as soon as it comes back'}`,
    ...(planned ? [`hand ${size} over from ${group.activeSite} to ${plan.to}: nothing is lost`] : Object.keys(plan.replicas ?? {}).length > 0 ? [`promote the copies of ${size} at ${plan.to}, as of ${plan.frozenAt}: what was written since is lost`] : [`restore ${size} at ${plan.to}, as of ${plan.frozenAt}`]),
    ...(Object.keys(plan.images ?? {}).length > 0 ? [`${Object.keys(plan.images ?? {}).length} root disks from images that lie there`] : []),
    ...(made.length > 0 ? [`make ${made.reduce((n, v) => n + v.ports.length, 0)} ports with their MAC and IP addresses`, `boot ${made.map((v) => v.name).join(', then ')}`] : []),
    ...(back.length > 0 ? [`start ${back.map((v) => v.name).join(', then ')} again, with the ids of their servers, ports and volumes there`] : []),
  ];
}

const notHere = (to: string, point: RecoveryPoint | undefined, lies: string): GodwitError =>
  new GodwitError('GW_POINT_ELSEWHERE', 'terminal', `recovery point ${point?.sequence ?? ''} lies at ${lies}, not at ${to}`, { site: to, action: `Recover to ${lies}, or choose a point that lies at ${to}.` });

/** Asked again for what is done already: the answer is what was done. */
async function alreadyActive(deps: Deps, group: Group, input: RecoverInput): Promise<RecoveryResult> {
  const servers = await serversOfGroup(deps, group, input.to, group.epoch);
  return {
    group: group.name,
    point: input.pointId,
    site: input.to,
    epoch: group.epoch,
    servers: group.members.map((m) => {
      const server = servers.find((v) => v.id === m.serverId);
      return { name: m.name, id: m.serverId, bootedAt: server?.['OS-SRV-USG:launched_at'] ? new Date(`${String(server['OS-SRV-USG:launched_at']).replace(/Z?$/, 'Z')}`).toISOString() : input.requestedAt, ports: [] };
    }),
    rpoSeconds: 0,
    rtoSeconds: 0,
    sourceFenced: !(await deps.store.fences()).some((f) => f.groupId === group.id),
    alreadyActive: true,
  };
}
