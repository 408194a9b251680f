import { isOpenStackError, type Cloud, type Image } from '@godwit/openstack';
import { at, GodwitError, projectIdAt, type ProjectRef, type Site } from '@godwit/sites';
import { workingImages } from './find.ts';
import { hashOf, marks, sameHash, type ImageHash, type ImageRecord } from './record.ts';

/** Where and for whom a copy is made. */
export interface WorkPlace {
  readonly site: Site;
  readonly project: ProjectRef;
  readonly jobId: string;
}

/**
 * A copy's name until it is whole and checked: with it, hidden, it is in nobody's list and no boot by name finds it, though Glance calls it
 * `active` as soon as it has the last byte.
 */
const workingName = (record: ImageRecord, jobId: string): string => `godwit-clone-${jobId}-${record.origin}`;

export const tenantOf = ({ site, project }: WorkPlace): Cloud => site.asProject(project);

/** The job's working image at a site: made if there is none, made anew if what there is was broken off. Its status is `queued`, or `active` when all data is there. */
export async function workingImage(place: WorkPlace, record: ImageRecord, sourceSite: string): Promise<Image> {
  const tenant = tenantOf(place);
  const projectId = await projectIdAt(place.site, place.project);
  return at(place.site.name, async () => {
    const [found, ...more] = await workingImages(tenant, projectId, place.jobId);
    for (const image of more) await remove(tenant, image.id);
    if (found && ['queued', 'active', 'importing'].includes(found.status)) return found;
    if (found) await remove(tenant, found.id);
    return tenant.image.create({
      name: workingName(record, place.jobId),
      ...(record.diskFormat === undefined ? {} : { disk_format: record.diskFormat }),
      ...(record.containerFormat === undefined ? {} : { container_format: record.containerFormat }),
      visibility: 'private',
      os_hidden: true,
      [marks.job]: place.jobId,
      [marks.origin]: record.origin,
      [marks.originSite]: sourceSite,
    });
  }, `image ${record.name}`);
}

/** Deletes all that the job has begun at a site and not published. */
export async function dropWorking(place: WorkPlace): Promise<void> {
  const tenant = tenantOf(place);
  const projectId = await projectIdAt(place.site, place.project);
  await at(place.site.name, async () => {
    for (const image of await workingImages(tenant, projectId, place.jobId)) await remove(tenant, image.id);
  });
}

async function remove(tenant: Cloud, id: string): Promise<void> {
  try {
    await tenant.image.delete(id);
  } catch (error) {
    if (!isOpenStackError(error, 'OS_NOT_FOUND')) throw error;
  }
}

/** A spoilt copy is deleted, so that it can be made again. */
export async function verifyWorking(place: WorkPlace, image: Image, record: ImageRecord, digests: Digests): Promise<void> {
  const hash = hashOf(image);
  const expected = hash && expectedHash(record, hash.algorithm, digests);
  const why =
    image.status !== 'active' ? `is ${image.status} after all data was sent`
    : image.size !== record.size ? `has ${image.size ?? 0} bytes, not ${record.size}`
    : expected === undefined ? `has no ${hash?.algorithm ?? 'hash'} to compare with`
    : !sameHash(hash, expected) ? `has the ${hash?.algorithm} ${hash?.value.slice(0, 16)}…, not ${expected.value.slice(0, 16)}…`
    : undefined;
  if (why === undefined) return;
  await at(place.site.name, () => remove(tenantOf(place), image.id), `image ${image.id}`);
  throw new GodwitError('GW_IMAGE_CORRUPT', 'retryable', `${place.site.name}: the copy of ${record.name} ${why}; it was deleted`, { site: place.site.name, resource: `image ${image.id}`, action: 'It is sent again by itself; look at what stands between, and at that Glance’s store, if this goes on.' });
}

/** Hashes of the data as it was read, by algorithm. */
export type Digests = Readonly<Record<string, string>>;

function expectedHash(record: ImageRecord, algorithm: string, digests: Digests): ImageHash | undefined {
  if (record.hash?.algorithm === algorithm) return record.hash;
  const value = digests[algorithm];
  return value === undefined ? undefined : { algorithm, value };
}
