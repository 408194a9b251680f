import { at, projectKey, type ProjectRef } from '@godwit/sites';
import type { Deps } from '../deps.ts';
import { listManifests, type FoundManifest } from '../manifest/store.ts';
import type { Manifest } from '../manifest/schema.ts';
import { reachProject } from '../inventory/resolve.ts';
import { methodOf } from '../methods/index.ts';
import { labels } from '../names.ts';
import { asFinding, findAll } from '../preflight/findings.ts';
import { shutOutEpoch } from '../recover/fence.ts';
import { epochOf, serversOfGroup } from '../recover/find.ts';
import type { Finding, Group, RebuildResult, RecoveryPoint } from '../schemas.ts';

/**
 * Reads what lies at a site into the catalogue: with an empty database at the recovery site, this is all that is needed to recover.
 * A manifest that is damaged, or whose chain is not whole, is passed over and named. What the catalogue knows already stays.
 */
export async function rebuildProject(deps: Deps, site: string, project: ProjectRef): Promise<RebuildResult> {
  const tenant = deps.sites.get(site).asProject(project);
  const findings: Finding[] = [];
  await at(site, () => reachProject(deps.sites.get(site), project));
  const found = await listManifests(site, tenant);
  const manifests = (await Promise.all(found.map((f) => tryRead(f, site, findings)))).filter((m) => m !== undefined).filter((m) => m.group.project.name === project.name && m.group.project.domain === project.domain);
  manifests.sort((a, b) => a.point.sequence - b.point.sequence);
  const groups = new Set<string>();
  const points: string[] = [];
  const refused = new Set<string>();
  const renumbered = new Set<string>();
  for (const manifest of manifests) {
    const { group, point } = manifest;
    if (refused.has(group.id)) continue;
    if (!groups.has(group.id)) {
      const newest = manifests.filter((m) => m.group.id === group.id).at(-1) ?? manifest;
      const finding = await restoreGroup(deps, site, newest);
      if (finding) {
        findings.push(finding);
        refused.add(group.id);
        continue;
      }
      groups.add(group.id);
    }
    const known = await deps.store.point(point.id);
    if (known) {
      // One that failed, or is being made or deleted, does not come back by this.
      if (known.state === 'Available' && known.groupId === group.id) points.push(point.id);
      continue;
    }
    if (point.recoverySite !== site) {
      findings.push({ code: 'GW_POINT_ELSEWHERE', site, resource: `recovery point ${point.id}`, message: `its manifest says that recovery point ${point.sequence} of group ${group.name} lies at ${point.recoverySite}, not at ${site}`, action: 'Call the site in godwit.yaml as it was called when the point was made.' });
      continue;
    }
    try {
      const unsound = await findAll(methodOf(point).store.checks(deps, group, point));
      if (unsound.length > 0) {
        findings.push(...unsound);
        continue;
      }
      const sequence = await freeSequence(deps, group.id, point.sequence, renumbered);
      await deps.store.putPoint({ ...pointOf(manifest, found.find((f) => f.image['godwit_point'] === manifest.point.id)), sequence });
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

/**
 * Where the group runs now is told by the newest epoch on the servers that recoveries made at this site, and by the locks of those that
 * were shut out; volumes, too, show an epoch's number that was used. Returns what speaks against this group.
 */
async function restoreGroup(deps: Deps, site: string, manifest: Manifest): Promise<Finding | undefined> {
  const { group } = manifest;
  const known = await deps.store.group(group.id);
  if (known) {
    // A manifest is an image that its project can write: it must not speak for another project's group.
    if (projectKey(known.project) === projectKey(group.project)) return undefined;
    return { code: 'GW_MANIFEST_DAMAGED', site, resource: `group ${group.name}`, message: `the manifests of group ${group.name} at ${site} carry the id of a group of another project`, action: 'Find out who wrote them; they are not used.' };
  }
  const recovered = await serversOfGroup(deps, group, site);
  const volumes = (await at(site, () => deps.sites.get(site).asProject(group.project).volume.volumes.list())).filter((v) => v.metadata[labels.group] === group.id);
  const active = Math.max(0, ...recovered.map(epochOf));
  const successors = new Map(recovered.filter((s) => epochOf(s) === active).map((s) => [s.metadata[labels.origin], s.id]));
  // Copies that were shut out say that the group went elsewhere since.
  const shutOut = Math.max(0, ...recovered.map(shutOutEpoch));
  const activeHere = active > group.epoch && shutOut <= active && group.members.every((m) => successors.has(m.serverId));
  const now = deps.clock.now().toISOString();
  const restored: Group = {
    ...group,
    epoch: Math.max(group.epoch, active, shutOut, ...volumes.map(epochOf)),
    activeSite: activeHere ? site : manifest.point.sourceSite,
    members: activeHere ? group.members.map((m) => ({ ...m, serverId: successors.get(m.serverId) ?? m.serverId })) : group.members,
    state: activeHere ? 'FailedOver' : 'Protected',
    conditions: [{ type: 'Rebuilt', status: 'True', reason: 'FromManifests', message: `read from the manifests at ${site}`, since: now }],
    updatedAt: now,
  };
  if (await deps.store.insertGroup(restored)) {
    // Whether the site that it left was ever fenced went with the database. Fencing twice changes nothing.
    if (activeHere) await deps.store.putFence({ groupId: group.id, epoch: restored.epoch, site: manifest.point.sourceSite, project: projectKey(group.project), servers: group.members.map((m) => m.serverId) });
    return undefined;
  }
  return { code: 'GW_GROUP_EXISTS', site, resource: `group ${group.name}`, message: `another group of this project is called ${group.name}`, action: 'Delete or rename that one; then rebuild again.' };
}

/**
 * A point's number, unless points made since the catalogue was lost have it: then the next, and for all of the group that follow, so that
 * the points that lie at one site stay in their order.
 */
async function freeSequence(deps: Deps, groupId: string, wanted: number, renumbered: Set<string>): Promise<number> {
  const taken = (await deps.store.points(groupId)).map((p) => p.sequence);
  if (!renumbered.has(groupId) && !taken.includes(wanted)) return wanted;
  renumbered.add(groupId);
  return Math.max(wanted, ...taken) + 1;
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
    ...(point.method ? { method: point.method } : {}),
    consistency: point.consistency,
    sourceSite: point.sourceSite,
    recoverySite: point.recoverySite,
    incremental: point.incremental,
    createdAt: point.createdAt,
    frozenAt: point.frozenAt,
    freezeWindowMs: point.freezeWindowMs,
    groupSnapshotMs: point.groupSnapshotMs,
    volumes: point.volumes,
    ...(point.images ? { images: point.images } : {}),
    ...(found ? { manifest: { imageId: found.image.id, sha256: String(found.image['godwit_sha256']) } } : {}),
  };
}
