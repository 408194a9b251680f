import { isOpenStackError, type Cloud } from '@godwit/openstack';
import { at, GodwitError, type ProjectRef, type Site } from '@godwit/sites';
import type { StepContext } from '@godwit/workflow';
import type { Clock } from '../deps.ts';
import type { ImageRecord } from './record.ts';
import { tenantOf, verifyWorking, workingImage, type WorkPlace } from './working.ts';

/** The region under which the target's own catalogue has the source's Glance; undefined: Glance cannot fetch from there by itself. */
export async function importRegion(source: Site, target: Site, project: ProjectRef): Promise<string | undefined> {
  const there = target.asProject(project);
  const methods = await there.image.importMethods();
  if (!methods.includes('glance-download')) return undefined;
  const wanted = await source.asProject(project).session.endpoint('image');
  const { catalog } = await there.session.token();
  const endpoints = catalog.filter((c) => c.type === 'image').flatMap((c) => c.endpoints);
  // By address, not by name: two Keystones may both have a region called RegionOne.
  const same = endpoints.find((e) => e.interface === 'public' && sameAddress(e.url, wanted));
  return same?.region_id ?? same?.region ?? undefined;
}

const sameAddress = (a: string, b: string): boolean => a.replace(/\/v2\/?$/, '').replace(/\/+$/, '') === b.replace(/\/v2\/?$/, '').replace(/\/+$/, '');

/** Glance copies nothing in pieces that one could count: it tells only that it is at it. */
const POLL_MS = 500;
/** An import that its Glance has forgotten (it was restarted) stays `importing` for ever, and it tells no progress: it has as long as its size takes over a slow link, and no less than 15 minutes. */
const LEAST_MS = 15 * 60_000;
const SLOWEST_BYTES_MS = 1024 ** 2 / 1_000;
export const importTimeMs = (size: number): number => Math.max(LEAST_MS, Math.ceil(size / SLOWEST_BYTES_MS));

/** Lets the target's Glance fetch the data from the source's, and verifies it. Run twice, it waits for the import that it finds under way. */
export async function importImage(place: WorkPlace, record: ImageRecord, source: { readonly site: string; readonly region: string }, clock: Clock, s: StepContext): Promise<void> {
  const { site } = place;
  const tenant = tenantOf(place);
  let image = await workingImage(place, record, source.site);
  if (image.status === 'queued') {
    await at(site.name, () => tenant.image.import(image.id, { name: 'glance-download', glance_region: source.region, glance_image_id: record.id, glance_service_interface: 'public' }, { signal: s.signal }).catch((error: unknown) => {
      // An earlier life of this step has asked for it, and Glance is at it though the image does not show it yet.
      if (!isOpenStackError(error, 'OS_CONFLICT')) throw error;
    }), `image ${image.id}`);
  }
  const began = clock.now().getTime();
  s.progress({ phase: 'Importing', item: site.name, total: record.size, unit: 'bytes' });
  for (;;) {
    image = await at(site.name, () => tenant.image.get(image.id, { signal: s.signal }), `image ${image.id}`);
    if (image.status === 'active') break;
    const why = await failure(tenant, image.id, image.status);
    if (why !== undefined) throw new GodwitError('GW_IMAGE_IMPORT_FAILED', 'terminal', `${site.name}: Glance could not import ${record.name}: ${why}`, { site: site.name, resource: `image ${image.id}`, action: 'Look at that Glance’s log; [import_filtering_opts] allowed_ports must have the source’s port.' });
    if (clock.now().getTime() - began > importTimeMs(record.size)) throw new GodwitError('GW_IMAGE_IMPORT_FAILED', 'terminal', `${site.name}: the import of ${record.name} did not end within ${Math.round(importTimeMs(record.size) / 60_000)} minutes`, { site: site.name, resource: `image ${image.id}`, action: 'Look at that Glance’s log.' });
    await clock.sleep(POLL_MS, s.signal);
  }
  await verifyWorking(place, image, record, {});
  s.progress({ phase: 'Imported', item: site.name, done: record.size, total: record.size, unit: 'bytes' });
}

/** A failed import leaves the image as it was before it, `queued`; its task says why. */
async function failure(tenant: Cloud, id: string, status: string): Promise<string | undefined> {
  if (['killed', 'deleted', 'deactivated'].includes(status)) return `the image is ${status}`;
  if (status !== 'queued' && status !== 'importing') return undefined;
  const tasks = (await tenant.image.tasks(id)).toSorted((a, b) => ((a.created_at ?? '') < (b.created_at ?? '') ? 1 : -1));
  const [newest] = tasks;
  return newest?.status === 'failure' ? (newest.message ?? 'its task failed').slice(0, 300) : undefined;
}
