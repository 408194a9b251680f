import { orUndefined, type Cloud, type Image } from '@godwit/openstack';
import { at, GodwitError, projectIdAt, type ProjectRef, type Site } from '@godwit/sites';
import { Names } from '../project.ts';
import { hashOf, marks, recordOf, sameHash, visibilityFor, type ImageMemberRef, type ImageRecord } from './record.ts';

const isUuid = (text: string): boolean => /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(text);

/** Godwit's user is an administrator there and sees all: what the project itself would not see is not there for it either. */
async function visible(tenant: Cloud, image: Image, projectId: string): Promise<boolean> {
  if (image.owner === projectId || image.visibility === 'public' || image.visibility === 'community') return true;
  if (image.visibility !== 'shared') return false;
  return (await tenant.image.members.list(image.id)).some((m) => m.member_id === projectId && m.status !== 'rejected');
}

/** The image that a project means by a name or an id. GW_IMAGE_UNKNOWN, GW_IMAGE_AMBIGUOUS. */
export async function findImage(site: Site, project: ProjectRef, nameOrId: string): Promise<Image> {
  const projectId = await projectIdAt(site, project);
  const tenant = site.asProject(project);
  return at(site.name, async () => {
    const byId = isUuid(nameOrId) ? await orUndefined(tenant.image.get(nameOrId)) : undefined;
    if (byId && (await visible(tenant, byId, projectId))) return byId;
    // What is hidden is an older version, or not complete: found by its id only.
    const named = (await tenant.image.list({ name: nameOrId })).filter((i) => i.name === nameOrId);
    const seen: Image[] = [];
    for (const image of named) if (await visible(tenant, image, projectId)) seen.push(image);
    const own = seen.filter((i) => i.owner === projectId);
    const found = own.length > 0 ? own : seen;
    if (found.length === 1 && found[0]) return found[0];
    if (found.length === 0) throw unknownImage(site.name, nameOrId);
    throw new GodwitError('GW_IMAGE_AMBIGUOUS', 'terminal', `${site.name}: ${found.length} images are called ${nameOrId}: ${found.map((i) => `${i.id} (${i.status}${i.created_at ? `, of ${i.created_at}` : ''})`).join(', ')}`, {
      site: site.name, resource: `image ${nameOrId}`, action: 'Name it by its id.',
    });
  }, `image ${nameOrId}`);
}

export const unknownImage = (site: string, image: string): GodwitError =>
  new GodwitError('GW_IMAGE_UNKNOWN', 'terminal', `${site}: this project sees no image ${image}`, { site, resource: `image ${image}`, action: 'openstack image list shows those there are.' });

/** An image's whole record; refuses what cannot be copied, with the reason and the way. */
export async function readRecord(site: Site, project: ProjectRef, image: Image, admin: boolean): Promise<ImageRecord> {
  const tenant = site.asProject(project);
  const projectId = await projectIdAt(site, project);
  // To whom an image of another project is lent is no business of this one.
  const members = image.visibility === 'shared' && image.owner === projectId ? await at(site.name, () => memberRefs(tenant, image.id, new Names(site.admin)), `image ${image.id}`) : [];
  const record = recordOf(image, members);
  const visibility = image.owner === projectId || image.visibility === 'public' ? visibilityFor(record.visibility, admin) : 'private';
  // A member cannot publish, but nor may a member's clone take back what an administrator has published at the other site.
  return visibility === record.visibility ? record : { ...record, visibility, keepsVisibility: true };
}

async function memberRefs(tenant: Cloud, id: string, names: Names): Promise<ImageMemberRef[]> {
  const members = await tenant.image.members.list(id);
  const named = await Promise.all(members.map(async (m) => ({ project: await names.project(m.member_id), status: m.status })));
  return named.flatMap(({ project, status }) => (project ? [{ project, status }] : []));
}

/** Throws what stands against copying it. */
export function refuseUnfit(site: string, image: Image): void {
  const refuse = (code: `GW_${string}`, kind: 'terminal' | 'retryable', why: string, action: string): never => {
    throw new GodwitError(code, kind, `${site}: image ${image.name ?? image.id} ${why}`, { site, resource: `image ${image.id}`, action });
  };
  if (['queued', 'saving', 'importing', 'uploading'].includes(image.status)) refuse('GW_IMAGE_NOT_ACTIVE', 'terminal', `is still ${image.status}`, 'Wait until it is active.');
  if (image.status !== 'active') refuse('GW_IMAGE_NOT_ACTIVE', 'terminal', `is ${image.status}`, 'Only an active image has data that can be copied.');
  const mapping = image['block_device_mapping'];
  if ((image.size ?? 0) === 0 && typeof mapping === 'string' && mapping !== '[]') {
    refuse('GW_IMAGE_VOLUME_BACKED', 'terminal', 'is a snapshot of a server on volumes: it has no data of its own, it names snapshots of that site’s Cinder', 'Protect the server (godwit protect), or make an image of its volume (openstack image create --volume) and clone that.');
  }
  if (image['cinder_encryption_key_id'] !== undefined) refuse('GW_IMAGE_ENCRYPTED', 'terminal', 'is encrypted under a key of that site’s key manager', 'Make an image of an unencrypted volume.');
}

/** What there is of an image at another site. */
export interface TargetState {
  /** A copy that is whole: same data, ours or not. */
  readonly copy?: Image;
  /** Another image of the project that has the name. */
  readonly conflict?: Image;
}

export async function lookAtTarget(site: Site, project: ProjectRef, record: ImageRecord): Promise<TargetState> {
  const projectId = await projectIdAt(site, project);
  const tenant = site.asProject(project);
  return at(site.name, async () => {
    const lists = await Promise.all([
      tenant.image.list({ [marks.origin]: record.origin }),
      tenant.image.list({ [marks.origin]: record.origin, os_hidden: true }),
      tenant.image.list({ name: record.name }),
      tenant.image.list({ name: record.name, os_hidden: true }),
    ]);
    const seen = new Set<string>();
    const found = lists.flat().filter((i) => i.status === 'active' && i[marks.job] === undefined && i.owner === projectId && !seen.has(i.id) && seen.add(i.id));
    // The first of all copies may be the one that lies here.
    const first = await orUndefined(tenant.image.get(record.origin));
    if (first && first.status === 'active' && first.owner === projectId && !seen.has(first.id)) found.unshift(first);
    const same = found.filter((i) => isSame(i, record));
    // One that shows its name goes before one that is hidden, one that is marked before one that only happens to be the same.
    same.sort((a, b) => Number(a.os_hidden ?? false) - Number(b.os_hidden ?? false) || Number(b[marks.origin] === record.origin) - Number(a[marks.origin] === record.origin));
    const conflict = found.find((i) => i.name === record.name && i.os_hidden !== true && !isSame(i, record));
    return { ...(same[0] ? { copy: same[0] } : {}), ...(conflict ? { conflict } : {}) };
  }, `image ${record.name}`);
}

/** By hash; where one of two sites keeps another kind of hash, by the mark of the copy and the size. */
function isSame(image: Image, record: ImageRecord): boolean {
  const hash = hashOf(image);
  if (hash && record.hash && hash.algorithm === record.hash.algorithm) return sameHash(hash, record.hash);
  return image.size === record.size && (image[marks.origin] === record.origin || image.id === record.origin);
}

/** Copies that this job has begun at a site and not published. */
export async function workingImages(tenant: Cloud, projectId: string, jobId: string): Promise<Image[]> {
  return (await tenant.image.list({ [marks.job]: jobId, os_hidden: true })).filter((i) => i.owner === projectId && i[marks.job] === jobId);
}
