import { at, type ProjectRef } from '@godwit/sites';
import type { Deps } from '../deps.ts';
import { verifyChain } from '../cinder/chain.ts';
import { listManifests, type FoundManifest } from '../manifest/store.ts';
import type { Manifest } from '../manifest/schema.ts';
import { labels } from '../names.ts';
import { asFinding } from '../preflight/findings.ts';
import { serversOfGroup } from '../recover/find.ts';
import type { Finding, Group, RebuildResult, RecoveryPoint } from '../schemas.ts';

/**
 * Reads what lies at a site into the catalogue: with an empty database at the recovery site, this is all that is needed to recover.
 * A manifest that is damaged, or whose chain is not whole, is passed over and named. What the catalogue knows already stays.
 */
export async function rebuildProject(deps: Deps, site: string, project: ProjectRef): Promise<RebuildResult> {
  const tenant = deps.sites.get(site).asProject(project);
  const findings: Finding[] = [];
  const found = await listManifests(site, tenant);
  const manifests = (await Promise.all(found.map((f) => tryRead(f, site, findings)))).filter((m) => m !== undefined).filter((m) => m.group.project.name === project.name && m.group.project.domain === project.domain);
  manifests.sort((a, b) => a.point.sequence - b.point.sequence);
  const groups = new Set<string>();
  const points: string[] = [];
  for (const manifest of manifests) {
    if (!groups.has(manifest.group.id)) {
      const newest = manifests.filter((m) => m.group.id === manifest.group.id).at(-1) ?? manifest;
      if (!(await restoreGroup(deps, site, newest))) {
        findings.push({ code: 'GW_GROUP_EXISTS', site, resource: `group ${manifest.group.name}`, message: `another group of this project is called ${manifest.group.name}`, action: 'Delete or rename that one; then rebuild again.' });
        continue;
      }
      groups.add(manifest.group.id);
    }
    if ((await deps.store.point(manifest.point.id))?.state === 'Available') {
      points.push(manifest.point.id);
      continue;
    }
    try {
      await at(site, () => Promise.all(manifest.point.volumes.map((v) => verifyChain(site, tenant, v.chain))), `recovery point ${manifest.point.sequence}`);
      await deps.store.putPoint(pointOf(manifest, found.find((f) => f.image['godwit_point'] === manifest.point.id)));
      points.push(manifest.point.id);
    } catch (error) {
      findings.push(asFinding(error, site, `recovery point ${manifest.point.id}`));
    }
  }
  return { site, groups: [...groups], points, findings };
}

async function tryRead(found: FoundManifest, site: string, findings: Finding[]): Promise<Manifest | undefined> {
  try {
    return await found.read();
  } catch (error) {
    findings.push(asFinding(error, site, `image ${found.image.id}`));
    return undefined;
  }
}

/** Where the group runs now is told by the newest epoch on the servers that recoveries made at this site. */
async function restoreGroup(deps: Deps, site: string, manifest: Manifest): Promise<boolean> {
  const { group } = manifest;
  const known = await deps.store.group(group.id);
  if (known) return true;
  const recovered = await serversOfGroup(deps, group, site);
  const epoch = Math.max(group.epoch, ...recovered.map((s) => Number(s.metadata?.[labels.epoch] ?? 0)));
  const mine = recovered.filter((s) => s.metadata?.[labels.epoch] === String(epoch));
  const activeHere = epoch > group.epoch && mine.length >= group.members.length;
  const now = deps.clock.now().toISOString();
  const restored: Group = {
    ...group,
    epoch,
    activeSite: activeHere ? site : manifest.point.sourceSite,
    members: activeHere ? group.members.map((m) => ({ ...m, serverId: mine.find((s) => s.metadata?.[labels.origin] === m.serverId)?.id ?? m.serverId })) : group.members,
    state: activeHere ? 'FailedOver' : 'Protected',
    conditions: [{ type: 'Rebuilt', status: 'True', reason: 'FromManifests', message: `read from the manifests at ${site}`, since: now }],
    updatedAt: now,
  };
  return deps.store.insertGroup(restored);
}

function pointOf(manifest: Manifest, found: FoundManifest | undefined): RecoveryPoint {
  const { point, group } = manifest;
  return {
    id: point.id,
    groupId: group.id,
    groupName: group.name,
    epoch: group.epoch,
    sequence: point.sequence,
    state: 'Available',
    consistency: point.consistency,
    sourceSite: point.sourceSite,
    recoverySite: point.recoverySite,
    incremental: point.incremental,
    createdAt: point.createdAt,
    frozenAt: point.frozenAt,
    freezeWindowMs: point.freezeWindowMs,
    groupSnapshotMs: point.groupSnapshotMs,
    volumes: point.volumes,
    ...(found ? { manifest: { imageId: found.image.id, sha256: String(found.image['godwit_sha256']) } } : {}),
  };
}
