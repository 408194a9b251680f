import { checked, isOpenStackError, type Cloud, type Image } from '@godwit/openstack';
import { at, GodwitError, toGodwitError } from '@godwit/sites';
import type { StepContext } from '@godwit/workflow';
import { removeImage } from '../../glance/remove-image.ts';
import { isGuestProperty } from '../../inventory/guest-properties.ts';
import type { ServerRecord } from '../../inventory/types.ts';
import { names } from '../../names.ts';
import type { PointImage } from '../../schemas.ts';
import { damaged, findRootImages, rootImageTag } from '../backup-store/root-images.ts';
import type { Making } from '../types.ts';

/** Glance hashes and stores what it takes; between two pieces, and after the last, it may be busy for long. */
const silenceMs = 10 * 60_000;

/**
 * Sends a server's root disk to the recovery site's Glance, through this process and past its disk. What is read is held to the source's
 * hash, what was stored to what was read. Run again, a copy that is whole is found; one that is not is begun anew.
 */
export async function carryRootImage({ deps, input, prepared }: Making, server: ServerRecord, imageId: string, s: StepContext): Promise<PointImage> {
  const { source, target, group } = prepared;
  const [from, to] = [deps.sites.get(source).asProject(group.project), deps.sites.get(target).asProject(group.project)];
  const resource = `root disk of server ${server.name}`;
  const original = await at(source, () => from.image.get(imageId), resource);
  const { os_hash_algo: algorithm, os_hash_value: hash, size } = original;
  if (original.status !== 'active' || !algorithm || !hash || !size) {
    throw new GodwitError('GW_SERVER_IMAGE_FAILED', 'terminal', `${source}: image ${imageId} of server ${server.name} is ${original.status}, without ${size ? 'a hash' : 'data'}`, { site: source, resource: `image ${imageId}`, action: 'Look at nova-compute’s and Glance’s logs, then protect again.' });
  }
  const known = await at(target, () => findRootImages(to, input.pointId), resource);
  for (const image of known.filter((i) => i['godwit_origin'] === server.id)) {
    if (image.status === 'active' && isSame(image, original)) return record(server, image);
    await at(target, () => removeImage(to, image.id), resource);
  }
  const made = await at(target, () => to.image.create({
    ...properties(original),
    name: names.rootImage(input.pointId, server.id),
    container_format: original.container_format ?? 'bare',
    disk_format: original.disk_format ?? 'raw',
    min_disk: original.min_disk,
    min_ram: original.min_ram,
    visibility: 'private',
    os_hidden: true,
    protected: true,
    tags: [rootImageTag],
    godwit_point: input.pointId,
    godwit_group: group.id,
    godwit_origin: server.id,
  }), resource);
  await send({ source, target, from, to, original: { id: imageId, algorithm, hash, size }, copy: made.id, item: server.name }, s);
  const copy = await at(target, () => to.image.get(made.id), resource);
  if (!isSame(copy, original)) throw damaged(target, { imageId: copy.id, serverName: server.name }, 'what is stored is not what was sent');
  return record(server, copy);
}

interface Sending {
  readonly source: string;
  readonly target: string;
  readonly from: Cloud;
  readonly to: Cloud;
  readonly original: { readonly id: string; readonly algorithm: string; readonly hash: string; readonly size: number };
  readonly copy: string;
  readonly item: string;
}

async function send(o: Sending, s: StepContext): Promise<void> {
  const { stream } = await at(o.source, () => o.from.image.download(o.original.id, { signal: s.signal }), `image ${o.original.id}`);
  let failed: unknown;
  let sent = 0;
  let told = 0;
  async function* pieces(): AsyncGenerator<Uint8Array> {
    try {
      for await (const piece of checked(stream, o.original.algorithm, o.original.hash) as AsyncIterable<Uint8Array>) {
        yield piece;
        sent += piece.length;
        if (performance.now() - told < 1_000) continue;
        told = performance.now();
        s.progress({ phase: 'SendingImage', item: o.item, done: sent, total: o.original.size, unit: 'bytes' });
      }
    } catch (error) {
      failed = error;
      throw error;
    }
  }
  try {
    await o.to.image.upload(o.copy, pieces(), o.original.size, { signal: s.signal, timeoutMs: silenceMs });
  } catch (error) {
    s.signal.throwIfAborted();
    // An HTTP client reports what its body threw as a broken connection: the reason is with us.
    if (failed !== undefined) throw toGodwitError(failed, { site: o.source, resource: `image ${o.original.id}` });
    if (isOpenStackError(error) && error.status === 413) {
      throw new GodwitError('GW_IMAGE_STORE_FULL', 'terminal', `${o.target}: Glance has no room for the root disk of server ${o.item} (${Math.ceil(o.original.size / 2 ** 20)} MiB)`, { site: o.target, resource: 'Glance', requestId: error.requestId, action: 'Free room in its store, or raise the project’s quota there; then protect again.', cause: error });
    }
    throw toGodwitError(error, { site: o.target, resource: `image ${o.copy}` });
  } finally {
    stream.destroy();
  }
  s.progress({ phase: 'SendingImage', item: o.item, done: o.original.size, total: o.original.size, unit: 'bytes', message: 'sent' });
}

/** Sites may keep different kinds of hash; then MD5, which all of them keep, has to do beside the hash of what was read. */
function isSame(copy: Image, original: Image): boolean {
  if (copy.size !== original.size) return false;
  if (copy.os_hash_algo === original.os_hash_algo) return copy.os_hash_value === original.os_hash_value;
  return Boolean(copy.checksum) && copy.checksum === original.checksum;
}

const properties = (image: Image): Record<string, string> => Object.fromEntries(Object.entries(image).filter((e): e is [string, string] => isGuestProperty(e[0]) && typeof e[1] === 'string'));

const record = (server: ServerRecord, image: Image): PointImage => ({
  serverId: server.id,
  serverName: server.name,
  imageId: image.id,
  sizeBytes: image.size ?? 0,
  hash: { algorithm: image.os_hash_algo ?? '', value: image.os_hash_value ?? '' },
  diskFormat: image.disk_format ?? 'raw',
});
