import type { Deps } from '../deps.ts';
import { readServer } from '../inventory/read-server.ts';
import type { ServerRecord } from '../inventory/types.ts';
import type { Finding, Group, Report } from '../schemas.ts';
import { peerSite } from '../group-sites.ts';
import { methodOf } from '../methods/index.ts';
import { consistencyFindings } from './consistency.ts';
import { findAll } from './findings.ts';
import { quotaCheck, withTypes } from './quota.ts';
import { needsOf, readinessWarnings } from './readiness.ts';
import { recoverySiteChecks } from './recovery-site.ts';

export interface ProtectPreflight {
  readonly servers: readonly ServerRecord[];
  readonly findings: readonly Finding[];
  /** What is not alike at the recovery site, and keeps nobody from protecting. */
  readonly warnings: readonly Finding[];
}

/** Before the first guest is frozen, all that could fail is checked; every finding is listed. Changes nothing. */
export async function protectPreflight(deps: Deps, group: Group): Promise<ProtectPreflight> {
  const method = methodOf(group.policy);
  const source = deps.sites.get(group.activeSite);
  const target = deps.sites.get(peerSite(group));
  const tenant = source.asProject(group.project);
  const servers: ServerRecord[] = [];
  // What one member lacks must not hide what is wrong with the others.
  const unread = await findAll(group.members.map((m) => ({ site: source.name, resource: `server ${m.name}`, run: async () => (servers.push(await readServer(source.name, tenant, m.serverId, m.order)), []) })));
  servers.sort((a, b) => a.order - b.order);
  const volumes = servers.flatMap((s) => s.volumes);
  const gib = volumes.reduce((n, v) => n + v.sizeGiB, 0);
  const perType: Record<string, { snapshots: number; gigabytes: number }> = {};
  for (const v of volumes) {
    const t = (perType[v.type] ??= { snapshots: 0, gigabytes: 0 });
    t.snapshots++;
    t.gigabytes += v.sizeGiB;
  }
  const there = target.asProject(group.project);
  const backups = { backups: volumes.length, backup_gigabytes: gib };
  const findings = await findAll([
    ...(servers.length === 0
      ? []
      : [
          ...method.checks({ deps, site: source, group, servers }),
          { site: source.name, resource: `group ${group.name}`, run: () => Promise.resolve(consistencyFindings(group, servers)) },
          ...(method.backsUp ? [quotaCheck(source.name, tenant, 'volume', withTypes({ snapshots: volumes.length, gigabytes: gib, ...backups }, perType))] : []),
        ]),
    // An imported backup counts like one that was made there.
    ...(method.backsUp ? [quotaCheck(target.name, there, 'volume', backups)] : []),
    ...recoverySiteChecks({ sites: deps.sites, from: source.name, to: target.name, tenant: there, servers, backupZone: group.policy.backupZone, backups: method.backsUp }),
  ]);
  const warnings = servers.length === 0 ? [] : await readinessWarnings(deps, needsOf(group.project, source.name, target.name, servers), findings);
  return { servers, findings: [...unread, ...findings], warnings };
}

export function protectReport(group: Group, preflight: ProtectPreflight): Report {
  return {
    ok: preflight.findings.length === 0,
    group: group.name,
    findings: [...preflight.findings],
    warnings: [...preflight.warnings],
    plan: [
      ...methodOf(group.policy).plan(group, preflight.servers),
      ...(methodOf(group.policy).backsUp ? [`back up each volume from its snapshot, and verify its chain at ${peerSite(group)}`] : []),
      `write the manifest at ${peerSite(group)}; keep ${group.policy.retain} recovery points`,
    ],
  };
}
