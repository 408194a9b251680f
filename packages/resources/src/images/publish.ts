import { isOpenStackError, type Cloud, type Image } from '@godwit/openstack';
import { at, projectIdAt, projectKey, type ProjectRef, type Site } from '@godwit/sites';
import { Names } from '../project.ts';
import { lookAtTarget, workingImages } from './find.ts';
import { differences, patchTo, type ImageRecord } from './record.ts';

export interface Published {
  readonly imageId: string;
  /** What was changed at the target, for a person; empty: it was so already. */
  readonly changed: readonly string[];
  /** What could not be carried over, and why. */
  readonly notes: readonly string[];
}

/**
 * Gives a verified copy its name, and all else that the original has, in one patch: before it the copy is hidden under another name, after it
 * whole. Of a copy that was published before, only what differs is changed. Done twice, it changes nothing.
 */
export async function publish(site: Site, project: ProjectRef, record: ImageRecord, jobId: string): Promise<Published> {
  const tenant = site.asProject(project);
  const projectId = await projectIdAt(site, project);
  const [working] = await at(site.name, () => workingImages(tenant, projectId, jobId), `image ${record.name}`);
  const image = working ?? (await lookAtTarget(site, project, record)).copy;
  if (!image) throw new Error(`${site.name}: the copy of ${record.name} that was verified is not there any more`);
  return at(site.name, () => bringUpToDate(tenant, image, record, new Names(site.admin)), `image ${image.id}`);
}

async function bringUpToDate(tenant: Cloud, image: Image, record: ImageRecord, names: Names): Promise<Published> {
  const changed = differences(image, record);
  const patch = patchTo(image, record);
  // A protected image may be changed, but Glance takes the protection off or on like any other field.
  const now = patch.length > 0 ? await tenant.image.update(image.id, patch) : image;
  if (now.visibility !== 'shared' || record.keepsVisibility === true) return { imageId: image.id, changed, notes: [] };
  const members = await setMembers(tenant, image.id, record, names);
  return { imageId: image.id, changed: [...changed, ...members.changed], notes: members.notes };
}

async function setMembers(tenant: Cloud, id: string, record: ImageRecord, names: Names): Promise<{ changed: string[]; notes: string[] }> {
  const changed: string[] = [];
  const notes: string[] = [];
  const have = new Map((await tenant.image.members.list(id)).map((m) => [m.member_id, m.status]));
  const wanted = new Set<string>();
  for (const { project, status } of record.members) {
    const member = await names.projectId(project);
    if (member === undefined) {
      notes.push(`member ${projectKey(project)}: there is no such project here`);
      continue;
    }
    wanted.add(member);
    if (!have.has(member)) {
      await tenant.image.members.add(id, member).catch((error: unknown) => {
        if (!isOpenStackError(error, 'OS_CONFLICT')) throw error;
      });
      changed.push(`member ${projectKey(project)}`);
    }
    if ((have.get(member) ?? 'pending') !== status) await tenant.image.members.setStatus(id, member, status as 'pending' | 'accepted' | 'rejected');
  }
  for (const member of have.keys()) {
    if (wanted.has(member)) continue;
    await tenant.image.members.remove(id, member).catch((error: unknown) => {
      if (!isOpenStackError(error, 'OS_NOT_FOUND')) throw error;
    });
    changed.push('members');
  }
  return { changed, notes };
}
