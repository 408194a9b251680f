import { at } from '@godwit/sites';
import type { Deps } from '../deps.ts';
import { readMembers } from '../inventory/resolve.ts';
import type { ServerRecord } from '../inventory/types.ts';
import type { Finding, Group, Report } from '../schemas.ts';
import { peerSite } from '../group-sites.ts';
import { asFinding, findAll } from './findings.ts';
import { memberChecks } from './members.ts';
import { quotaCheck, withTypes } from './quota.ts';
import { recoverySiteChecks } from './recovery-site.ts';
import { volumeChecks } from './volumes.ts';

export interface ProtectPreflight {
  readonly servers: readonly ServerRecord[];
  readonly findings: readonly Finding[];
}

/** Before the first guest is frozen, all that could fail is checked; every finding is listed. Changes nothing. */
export async function protectPreflight(deps: Deps, group: Group): Promise<ProtectPreflight> {
  const source = deps.sites.get(group.activeSite);
  const target = deps.sites.get(peerSite(group));
  let servers: ServerRecord[];
  try {
    servers = await readMembers(source, group.project, group.members);
  } catch (error) {
    // Without its members nothing else can be asked of the source; the recovery site still can.
    const findings = await findAll([{ site: target.name, run: () => at(target.name, async () => (await target.asProject(group.project).session.token(), [])) }]);
    return { servers: [], findings: [asFinding(error, source.name), ...findings] };
  }
  const volumes = servers.flatMap((s) => s.volumes);
  const gib = volumes.reduce((n, v) => n + v.sizeGiB, 0);
  const perType: Record<string, { snapshots: number; gigabytes: number }> = {};
  for (const v of volumes) {
    const t = (perType[v.type] ??= { snapshots: 0, gigabytes: 0 });
    t.snapshots++;
    t.gigabytes += v.sizeGiB;
  }
  const tenant = source.asProject(group.project);
  const findings = await findAll([
    ...memberChecks(source, servers, group.policy),
    ...volumeChecks(source, tenant, group.id, volumes),
    quotaCheck(source.name, tenant, 'volume', withTypes({ snapshots: volumes.length, gigabytes: gib, backups: volumes.length, backup_gigabytes: gib }, perType)),
    ...recoverySiteChecks({ sites: deps.sites, from: source.name, to: target.name, tenant: target.asProject(group.project), servers }),
  ]);
  return { servers, findings };
}

export function protectReport(group: Group, preflight: ProtectPreflight): Report {
  const order = preflight.servers.map((s) => s.name);
  const volumes = preflight.servers.flatMap((s) => s.volumes);
  return {
    ok: preflight.findings.length === 0,
    group: group.name,
    findings: [...preflight.findings],
    plan: [
      `freeze ${order.join(', then ')} at ${group.activeSite} (at most ${group.policy.freezeLimitSeconds} s)`,
      `one group snapshot of ${volumes.length} volumes (${volumes.reduce((n, v) => n + v.sizeGiB, 0)} GiB)`,
      `thaw ${[...order].reverse().join(', then ')}`,
      `back up each volume from its snapshot, and verify its chain at ${peerSite(group)}`,
      `write the manifest at ${peerSite(group)}; keep ${group.policy.retain} recovery points`,
    ],
  };
}
