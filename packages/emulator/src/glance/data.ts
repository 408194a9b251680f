import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { noContent, type Answer, type Route } from '../http/service.ts';
import { createSparse, fillSparse, piecesOf, readSparse, type Sparse } from '../storage/sparse.ts';
import { findImage, ownImage, refused, type GlanceCall } from './common.ts';
import type { GlanceState, Image } from './state.ts';

export interface Stored {
  readonly data: Sparse;
  readonly checksum: string;
  readonly hash: string;
}

/** Takes a stream in. undefined: the client went away, or `full` said that there is no room. */
export async function takeIn(source: AsyncIterable<Uint8Array>, full: () => boolean): Promise<Stored | undefined> {
  const [md5, sha512] = [createHash('md5'), createHash('sha512')];
  const data = createSparse(0);
  try {
    for await (const piece of source) {
      if (full()) return undefined;
      const at = data.size;
      data.size += piece.length;
      fillSparse(data, at, piece);
      md5.update(piece);
      sha512.update(piece);
    }
  } catch {
    return undefined;
  }
  return { data, checksum: md5.digest('hex'), hash: sha512.digest('hex') };
}

export function become(image: Image, stored: Stored, now: number): void {
  Object.assign(image, { data: stored.data, size: stored.data.size, checksum: stored.checksum, hash: stored.hash, status: 'active', updatedAt: now, staged: undefined });
}

/** @throws ApiError 400 */
export function needsFormats(image: Image, when: string): void {
  const missing = [...(image.diskFormat === null ? ['disk_format'] : []), ...(image.containerFormat === null ? ['container_format'] : [])];
  if (missing.length > 0) throw refused(400, `Properties ${missing.join(', ')} must be set prior to ${when}.`);
}

async function upload(call: GlanceCall): Promise<Answer> {
  const { site } = call;
  const image = ownImage(call, 'upload_image');
  if (image.status !== 'queued') throw refused(409, `Image status transition from ${image.status} to saving is not allowed`);
  needsFormats(image, 'saving data');
  image.status = 'saving';
  const stored = await takeIn(call.raw, () => site.storageFull || !site.alive);
  // What was not taken in is no image: it may be tried again.
  if (stored === undefined || !call.state.images.has(image.id)) {
    image.status = 'queued';
    throw stored === undefined && site.storageFull ? refused(413, 'Image storage media is full: There is not enough disk space on the image storage media.') : refused(410, `Image ${image.id} could not be found after upload. The image may have been deleted during the upload.`);
  }
  become(image, stored, site.now());
  return noContent;
}

async function stage(call: GlanceCall): Promise<Answer> {
  const { site } = call;
  const image = ownImage(call, 'upload_image');
  if (image.status !== 'queued') throw refused(409, `Image status transition from ${image.status} to uploading is not allowed`);
  image.status = 'uploading';
  const stored = await takeIn(call.raw, () => site.storageFull || !site.alive);
  if (stored === undefined) {
    image.status = 'queued';
    throw refused(413, 'Image storage media is full: There is not enough disk space on the image storage media.');
  }
  image.staged = stored.data;
  image.size = stored.data.size;
  return noContent;
}

function download(call: GlanceCall): Answer {
  const image = findImage(call, 'plain');
  if (image.status === 'deactivated' && !call.token.admin) throw refused(403, 'The requested image has been deactivated. Image data download is forbidden.');
  const { data } = image;
  if (!data || image.size === null) return noContent;
  const headers: Record<string, string> = { 'content-type': 'application/octet-stream', ...(image.checksum === null ? {} : { 'content-md5': image.checksum }) };
  const range = call.headers.range;
  if (range !== undefined) return part(data, range, headers);
  return { status: 200, headers: { ...headers, 'content-length': String(data.size) }, bytes: data.size <= 256 * 1024 ? readSparse(data, 0, data.size) : Readable.from(piecesOf(data)) };
}

function part(data: Sparse, range: string, headers: Record<string, string>): Answer {
  const found = /^bytes=(\d*)-(\d*)$/.exec(range.trim());
  const [, from = '', to = ''] = found ?? [];
  const start = from === '' ? data.size - Number(to) : Number(from);
  const end = from === '' || to === '' ? data.size - 1 : Math.min(Number(to), data.size - 1);
  if (!found || (from === '' && to === '') || start < 0 || start > end) throw refused(416, 'Requested range not satisfiable');
  // Served whole: ranges are asked for in pieces.
  const { 'content-md5': _ofAll, ...rest } = headers;
  return { status: 206, headers: { ...rest, 'content-range': `bytes ${String(start)}-${String(end)}/${String(data.size)}`, 'content-length': String(end - start + 1) }, bytes: readSparse(data, start, end - start + 1) };
}

export const dataRoutes: readonly Route<GlanceState>[] = [
  { method: 'PUT', path: '/images/:id/file', rule: 'upload_image', body: 'raw', handler: upload },
  { method: 'PUT', path: '/images/:id/stage', rule: 'upload_image', body: 'raw', handler: stage },
  { method: 'GET', path: '/images/:id/file', policy: 'any', handler: download },
];

