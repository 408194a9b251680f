import { isOpenStackError } from '@godwit/openstack';
import { at, GodwitError, toGodwitError, type ProjectRef } from '@godwit/sites';
import type { StepContext } from '@godwit/workflow';
import type { Deps } from '../deps.ts';
import { Rate } from './rate.ts';
import { readSource } from './read-source.ts';
import type { ImageRecord } from './record.ts';
import { relay, type RelayTarget } from './relay.ts';
import { tenantOf, verifyWorking, workingImage, type Digests, type WorkPlace } from './working.ts';

export interface RelayOutcome {
  /** Bytes read of the source, in all. */
  readonly sourceBytes: number;
  readonly targets: readonly { readonly site: string; readonly bytes: number; readonly error?: { readonly code: string; readonly message: string } }[];
}

export interface RelayTask {
  readonly source: string;
  readonly project: ProjectRef;
  readonly record: ImageRecord;
  readonly places: readonly WorkPlace[];
  /** Sites that have it already, and may feed the others when the source cannot be read any more. */
  readonly feeders?: readonly Feeder[];
}

export interface Feeder {
  readonly site: string;
  readonly imageId: string;
}

/** How often a target is tried in all; each round reads the source once for all that still want it. With the waits between them, a Glance may be away for over a minute. */
const ROUNDS = 8;
const LONGEST_WAIT_MS = 20_000;
/** Glance hashes and stores what it takes; between two pieces, and after the last, it may be busy for long. */
const UPLOAD_SILENCE_MS = 10 * 60_000;

/**
 * Brings the data to all targets that have not got it, and verifies it there. A target that fails for a passing reason, or that was let go
 * because it held the others up, has another round. Run again after a crash, targets that have all are passed over.
 */
export async function relayTo(deps: Deps, task: RelayTask, s: StepContext): Promise<RelayOutcome> {
  const { record } = task;
  const outcomes = new Map<string, { bytes: number; error?: { code: string; message: string } }>();
  let sourceBytes = 0;
  let left = [...task.places];
  const feeders: Feeder[] = [{ site: task.source, imageId: record.id }, ...(task.feeders ?? [])];
  const hashes: HashNeeds = { algorithm: record.hash === undefined ? 'sha512' : undefined };
  for (let round = 1; left.length > 0; round++) {
    const ready = await prepare(task, left);
    for (const { site, imageId } of ready.done) {
      outcomes.set(site, { bytes: outcomes.get(site)?.bytes ?? 0 });
      feeders.push({ site, imageId });
    }
    const failed = new Map(ready.failed);
    if (ready.targets.length > 0) {
      const sent = await sendFrom(deps, task, feeders, ready.targets, hashes, s);
      if (sent === 'again') {
        left = left.filter((p) => !ready.done.some((d) => d.site === p.site.name));
        round--;
        continue;
      }
      sourceBytes += sent.bytes;
      for (const { place, imageId } of ready.targets) {
        const error = sent.failed.get(place.site.name);
        if (error) failed.set(place.site.name, error);
        else {
          outcomes.set(place.site.name, { bytes: record.size });
          feeders.push({ site: place.site.name, imageId });
        }
      }
    }
    for (const [site, error] of failed) {
      s.log(`${site}: ${error.message}`);
      outcomes.set(site, { bytes: 0, error: { code: error.code, message: error.message } });
    }
    left = round < ROUNDS ? left.filter((p) => (failed.get(p.site.name)?.kind ?? 'terminal') !== 'terminal') : [];
    if (left.length > 0) await deps.clock.sleep(Math.min(1_000 * 2 ** (round - 1), LONGEST_WAIT_MS), s.signal);
  }
  return { sourceBytes, targets: task.places.map((p) => ({ site: p.site.name, ...(outcomes.get(p.site.name) ?? { bytes: 0 }) })) };
}

async function upload(place: WorkPlace, imageId: string, data: AsyncIterable<Uint8Array>, size: number, signal: AbortSignal): Promise<void> {
  const site = place.site.name;
  try {
    await tenantOf(place).image.upload(imageId, data, size, { signal, timeoutMs: UPLOAD_SILENCE_MS });
  } catch (error) {
    // A token that ran out, or was revoked, between two requests: the client has dropped it, and the body is spent.
    if (isOpenStackError(error, 'OS_UNAUTHORIZED')) throw new GodwitError('GW_SITE_CREDENTIALS', 'retryable', `${site}: ${error.message}`, { site, resource: `image ${imageId}`, requestId: error.requestId, action: 'It is sent again with a new token by itself.', cause: error });
    // 410 after the last byte, 404 or 409 before the first: somebody deleted it, or another life of this job took it over.
    if (!isOpenStackError(error) || ![404, 409, 410].includes(error.status ?? 0)) throw toGodwitError(error, { site, resource: `image ${imageId}` });
    throw new GodwitError('GW_IMAGE_TARGET_GONE', 'retryable', `${site}: the copy was deleted while it was sent (${error.message})`, { site, resource: `image ${imageId}`, requestId: error.requestId, action: 'It is begun again by itself.', cause: error });
  }
}

/** A site that keeps another kind of hash than the source is compared by one that is made on the way; usually nothing needs to be hashed here. */
interface HashNeeds {
  algorithm: string | undefined;
}

interface Ready {
  readonly place: WorkPlace;
  readonly imageId: string;
}

/** Working images to send to; what an earlier life of the job has brought over whole is only checked. */
async function prepare(task: RelayTask, places: readonly WorkPlace[]) {
  const done: Feeder[] = [];
  const failed = new Map<string, GodwitError>();
  const targets: Ready[] = [];
  await Promise.all(
    places.map(async (place) => {
      try {
        const image = await workingImage(place, task.record, task.source);
        if (image.status === 'active') {
          await verifyWorking(place, image, task.record, {});
          done.push({ site: place.site.name, imageId: image.id });
        } else targets.push({ place, imageId: image.id });
      } catch (error) {
        const known = toGodwitError(error, { site: place.site.name });
        if (known.code === 'GW_IMAGE_CORRUPT') {
          // Its hash cannot be known without reading the source again: begun anew.
          targets.push({ place, imageId: (await workingImage(place, task.record, task.source)).id });
        } else failed.set(place.site.name, known);
      }
    }),
  );
  return { done, failed, targets };
}

/** `again`: who fed cannot be read any more, and another that has it takes its place. */
async function sendFrom(deps: Deps, task: RelayTask, feeders: Feeder[], targets: readonly Ready[], hashes: HashNeeds, s: StepContext): Promise<Awaited<ReturnType<typeof send>> | 'again'> {
  const [feeder] = feeders;
  if (!feeder) throw new Error('nobody has the image');
  try {
    return await send(deps, task, feeder, targets, hashes, s);
  } catch (error) {
    const known = toGodwitError(error, { site: feeder.site });
    // What was deleted, or is not what Glance says, is not made good by another's copy of it.
    if (s.signal.aborted || known.kind === 'terminal' || feeders.length === 1) throw error;
    feeders.shift();
    s.log(`${feeder.site} cannot be read any more (${known.message}); ${feeders[0]?.site ?? ''} has the image, and feeds the others`);
    return 'again';
  }
}

async function send(deps: Deps, task: RelayTask, feeder: Feeder, targets: readonly Ready[], hashes: HashNeeds, s: StepContext) {
  const { record } = task;
  const now = (): number => deps.clock.now().getTime();
  const rates = new Map(targets.map((t) => [t.place.site.name, new Rate(record.size, now)]));
  const source = deps.sites.get(feeder.site).asProject(task.project);
  const pieces = readSource(feeder.site, source, feeder.imageId, record.size, {
    clock: deps.clock, signal: s.signal, onCut: (byte, error) => s.log(`the source was cut at byte ${byte}, and is read on from there: ${error.message}`),
  });
  const uploads = targets.map(({ place, imageId }): RelayTarget => ({
    site: place.site.name,
    upload: (data) => upload(place, imageId, data, record.size, s.signal),
  }));
  const hash = hashes.algorithm;
  const relayed = await relay(pieces, uploads, {
    ...(hash === undefined ? {} : { hash }),
    onTaken: (site, bytes) => {
      const rate = rates.get(site);
      if (rate?.add(bytes) === true) s.progress(rate.report('Copying', site));
    },
  });
  const digests: Digests = hash !== undefined && relayed.digest !== undefined ? { [hash]: relayed.digest } : {};
  const failed = new Map<string, GodwitError>(relayed.failed);
  for (const { place, imageId } of targets) {
    const site = place.site.name;
    if (failed.has(site)) continue;
    try {
      s.progress({ phase: 'Verifying', item: site, done: record.size, total: record.size, unit: 'bytes' });
      const image = await at(site, () => tenantOf(place).image.get(imageId), `image ${imageId}`);
      // Seen only now; the next round, which this target needs, makes it.
      if (image.os_hash_algo && image.os_hash_algo !== record.hash?.algorithm) hashes.algorithm = image.os_hash_algo;
      await verifyWorking(place, image, record, digests);
    } catch (error) {
      failed.set(site, toGodwitError(error, { site }));
    }
  }
  return { bytes: relayed.bytes, failed };
}
