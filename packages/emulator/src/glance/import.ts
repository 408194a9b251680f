import { ok, type Answer, type Json, type Route } from '../http/service.ts';
import { copyOf, piecesOf, type Sparse } from '../storage/sparse.ts';
import { createHash } from 'node:crypto';
import { findImage, ownImage, refused, stamp, type GlanceCall } from './common.ts';
import { become, needsFormats, takeIn, type Stored } from './data.ts';
import { glance } from './index.ts';
import type { GlanceState, Image, Task } from './state.ts';

/** Milliseconds: an import's own work, and for each GiB that it moves. */
const timing = { base: 1_500, perGib: 8_000 };
/** What glance-download takes over of the other image, beside its formats. */
const takesOver = /^(hw_|trait:|os_distro|os_secure_boot|os_type)/;

function taskView(t: Task): Json {
  return { id: t.id, type: 'api_image_import', status: t.status, owner: t.owner, image_id: t.imageId, user_id: t.userId, request_id: t.requestId, message: t.message, input: t.input, result: t.status === 'success' ? { image_id: t.imageId } : null, expires_at: null, created_at: stamp(t.createdAt), updated_at: stamp(t.updatedAt), self: `/v2/tasks/${t.id}`, schema: '/v2/schemas/task' };
}

/** Interoperable import: accepted, then done by a task. */
function start(call: GlanceCall): Answer {
  const { state, site, token, body } = call;
  const image = ownImage(call, 'communitize_image');
  const method = body['method'] as Record<string, unknown> | undefined;
  const name = typeof method?.['name'] === 'string' ? method['name'] : '';
  if (name === 'glance-direct') {
    if (image.status !== 'uploading') throw refused(409, `Image needs to be staged before 'glance-direct' method can be used`);
  } else if (name === 'glance-download' || name === 'web-download') {
    if (image.status !== 'queued') throw refused(409, `Image needs to be in 'queued' state to use '${name}' method`);
  } else throw refused(400, `Unknown import method name '${name}'.`);
  if (name === 'glance-download' && (typeof method?.['glance_region'] !== 'string' || typeof method['glance_image_id'] !== 'string')) throw refused(400, `'glance_region' and 'glance_image_id' are required for glance-download import method`);
  if (name === 'web-download' && typeof method?.['uri'] !== 'string') throw refused(400, `Import request requires a 'uri' field.`);
  if (name !== 'glance-download') needsFormats(image, 'importing image data');
  if (state.tasks.some((t) => t.imageId === image.id && (t.status === 'pending' || t.status === 'processing'))) throw refused(409, `Image ${image.id} has active task(s): import is refused`);
  const task: Task = { id: site.random.uuid(), imageId: image.id, owner: token.projectId ?? '', userId: token.userId, requestId: call.requestId, status: 'processing', message: '', input: { image_id: image.id, import_req: body }, createdAt: site.now(), updatedAt: site.now() };
  state.tasks.push(task);
  const before = image.status;
  image.status = 'importing';
  const fail = (why: string): void => {
    if (image.status === 'importing') image.status = before === 'uploading' ? 'uploading' : 'queued';
    Object.assign(task, { status: 'failure', message: why, updatedAt: site.now() });
  };
  const finish = (stored: Stored): void => {
    site.work(timing.base + (timing.perGib * stored.data.size) / 1024 ** 3, () => {
      const failed = site.failing('image-import') ?? (site.storageFull ? 'Image storage media is full' : undefined);
      if (failed !== undefined) return fail(failed);
      if (image.status !== 'importing') return;
      become(image, stored, site.now());
      Object.assign(task, { status: 'success', updatedAt: site.now() });
    });
  };
  if (name === 'glance-direct' && image.staged) finish(hashed(image.staged));
  else if (name === 'glance-download') {
    const found = other(call, String(method?.['glance_region']), String(method?.['glance_image_id']));
    if (typeof found === 'string') site.work(timing.base, () => fail(found));
    else {
      image.diskFormat = found.diskFormat;
      image.containerFormat = found.containerFormat;
      image.properties = { ...Object.fromEntries(Object.entries(found.properties).filter(([k]) => takesOver.test(k))), ...image.properties };
      finish({ data: copyOf(found.data as Sparse), checksum: found.checksum ?? '', hash: found.hash ?? '' });
    }
  } else void fetchUri(String(method?.['uri'])).then((stored) => (typeof stored === 'string' ? fail(stored) : finish(stored)));
  return { status: 202, headers: { 'content-type': 'text/html; charset=UTF-8' }, bytes: Buffer.alloc(0) };
}

/** The image at the other site, or why it cannot be had. */
function other(call: GlanceCall, region: string, id: string): Image | string {
  const peer = call.site.peer(region);
  if (!peer) return `No image service endpoint found for region ${region}`;
  if (!peer.alive || !call.site.reaches(region)) return `Failed to reach the image service of region ${region}`;
  const image = peer.state(glance).images.get(id);
  if (!image || (image.visibility === 'private' && image.owner !== call.token.projectId)) return `Image ${id} could not be found at region ${region}`;
  if (image.status !== 'active' || !image.data) return `Image ${id} is ${image.status}, not active`;
  return image;
}

function hashed(data: Sparse): Stored {
  const [md5, sha512] = [createHash('md5'), createHash('sha512')];
  for (const piece of piecesOf(data)) {
    md5.update(piece);
    sha512.update(piece);
  }
  return { data, checksum: md5.digest('hex'), hash: sha512.digest('hex') };
}

/** Only of this machine: an emulated site has no other network. */
async function fetchUri(uri: string): Promise<Stored | string> {
  try {
    const { hostname } = new URL(uri);
    if (!['127.0.0.1', 'localhost', '[::1]'].includes(hostname)) return `URI ${uri} is not reachable from an emulated site`;
    const answer = await fetch(uri);
    if (!answer.ok || !answer.body) return `HTTP ${String(answer.status)} of ${uri}`;
    return (await takeIn(answer.body as unknown as AsyncIterable<Uint8Array>, () => false)) ?? `the download of ${uri} broke`;
  } catch (error) {
    return (error as Error).message;
  }
}

const tasksOf = (call: GlanceCall): Answer => ok({ tasks: call.state.tasks.filter((t) => t.imageId === findImage(call).id).map(taskView) });

export const importRoutes: readonly Route<GlanceState>[] = [
  { method: 'POST', path: '/images/:id/import', rule: 'modify_image', handler: start },
  { method: 'GET', path: '/images/:id/tasks', policy: 'any', handler: tasksOf },
];
