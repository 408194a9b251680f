import type { Cloud, Image, ImageCreate } from '@godwit/openstack';
import { eventually } from './wait.ts';

const PIECE = 256 * 1024;

/** Bytes that are the same for the same seed, and no two pieces alike. */
export async function* patterned(size: number, seed: number): AsyncGenerator<Uint8Array> {
  const block = Buffer.alloc(PIECE);
  for (let n = 0; n < PIECE; n += 4) block.writeUInt32LE((Math.imul(n + seed, 2_654_435_761) ^ (n >>> 3)) >>> 0, n);
  for (let sent = 0, count = 0; sent < size; count++) {
    const piece = Buffer.from(block.subarray(0, Math.min(PIECE, size - sent)));
    if (piece.length >= 8) piece.writeDoubleLE(count + seed / 7, 0);
    sent += piece.length;
    yield piece;
  }
}

/** An active image with data that is its own. */
export async function makeImage(cloud: Cloud, size: number, seed: number, body: ImageCreate): Promise<Image> {
  const made = await cloud.image.create({ disk_format: 'raw', container_format: 'bare', ...body });
  await cloud.image.upload(made.id, patterned(size, seed), size, { timeoutMs: 600_000 });
  await eventually(`image ${body.name} to be active`, async () => (await cloud.image.get(made.id)).status === 'active');
  return cloud.image.get(made.id);
}

/** All of the caller's own images, hidden ones too, are deleted. */
export async function deleteImages(cloud: Cloud, which: (image: Image) => boolean = () => true): Promise<void> {
  const { projectId } = await cloud.session.token();
  const lists = [...(await cloud.image.list()), ...(await cloud.image.list({ os_hidden: true }))];
  for (const image of lists.filter((i) => i.owner === projectId && which(i))) {
    if (image.protected) await cloud.image.update(image.id, [{ op: 'replace', path: '/protected', value: false }]);
    await cloud.image.delete(image.id).catch(() => undefined);
  }
}
