import { createHash } from 'node:crypto';
import type { ImageFacts, ImagesPart } from '../between.ts';
import type { Site } from '../core/site.ts';
import { ok, type Json, type ResourceRow, type ServiceDefinition } from '../http/service.ts';
import { BLOCK, contentsOf, copyOf, createSparse, piecesOf, writeSparse, type Sparse } from '../storage/sparse.ts';
import { glanceErrors } from './common.ts';
import { become, dataRoutes } from './data.ts';
import { blankImage, imageRoutes } from './images.ts';
import { importRoutes } from './import.ts';
import { memberRoutes } from './members.ts';
import type { GlanceState, Image } from './state.ts';

const versions = (root: string): Json => {
  const links = [{ rel: 'self', href: `${root}/v2/` }];
  const older = Array.from({ length: 17 }, (_, n) => 16 - n).map((n) => ({ id: `v2.${String(n)}`, status: 'SUPPORTED', links }));
  return { versions: [{ id: 'v2.17', status: 'CURRENT', links }, ...older] };
};

let guestImage: { data: Sparse; checksum: string; hash: string } | undefined;

/** What emulated guests boot from: the guests themselves are programs of this process, so that the image needs no more than to be told apart. */
function guestData(): NonNullable<typeof guestImage> {
  if (!guestImage) {
    const data = createSparse(1024 * 1024);
    writeSparse(data, 0, Buffer.from('an emulated guest\n'));
    const [md5, sha512] = [createHash('md5'), createHash('sha512')];
    for (const piece of piecesOf(data)) {
      md5.update(piece);
      sha512.update(piece);
    }
    guestImage = { data, checksum: md5.digest('hex'), hash: sha512.digest('hex') };
  }
  return { ...guestImage, data: copyOf(guestImage.data) };
}

function createState(site: Site): GlanceState {
  const state: GlanceState = { images: new Map(), members: new Map(), tasks: [], deleted: new Set() };
  const owner = site.parts.identity?.projectNamed('admin')?.id ?? '';
  for (const { name, properties } of site.topology.images) {
    const { data, checksum, hash } = guestData();
    const image: Image = { ...blankImage(site.random.uuid(), owner, site.now()), name, status: 'active', visibility: 'public', diskFormat: 'raw', containerFormat: 'bare', properties: { ...properties }, data, size: data.size, checksum, hash };
    state.images.set(image.id, image);
  }
  site.parts.images = imagesPart(site, state);
  return state;
}

function imagesPart(site: Site, state: GlanceState): ImagesPart {
  const facts = (i: Image): ImageFacts => ({ id: i.id, name: i.name ?? '', owner: i.owner, status: i.status, visibility: i.visibility, size: i.size ?? 0, minDisk: i.minDisk, minRam: i.minRam, properties: i.properties });
  return {
    get: (id) => {
      const image = state.images.get(id);
      return image && facts(image);
    },
    create({ projectId, name, properties, minDisk, status }) {
      const image: Image = { ...blankImage(site.random.uuid(), projectId, site.now()), name, visibility: 'private', diskFormat: 'raw', containerFormat: 'bare', properties: { ...properties }, minDisk: minDisk ?? 0, status, ...(status === 'active' ? { size: 0 } : {}) };
      state.images.set(image.id, image);
      return image.id;
    },
    update(id, { status, properties }) {
      const image = state.images.get(id);
      if (!image) return;
      if (status === 'active') image.status = 'active';
      // Nova deletes an image that it could not fill.
      if (status === 'error') state.images.delete(id);
      if (properties) image.properties = { ...image.properties, ...properties };
      image.updatedAt = site.now();
    },
    fill(id, disk, diskFormat) {
      const image = state.images.get(id);
      if (!image) return;
      const used = Math.max(0, ...disk.blocks.keys()) + 1;
      const data = copyOf(disk, Math.min(disk.size, used * BLOCK));
      const [md5, sha512] = [createHash('md5'), createHash('sha512')];
      for (const piece of piecesOf(data)) {
        md5.update(piece);
        sha512.update(piece);
      }
      image.diskFormat = diskFormat;
      become(image, { data, checksum: md5.digest('hex'), hash: sha512.digest('hex') }, site.now());
    },
    contents: (id) => {
      const data = state.images.get(id)?.data;
      return data && contentsOf(() => state.images.get(id)?.data ?? data);
    },
  };
}

function* inspect(state: GlanceState): Iterable<ResourceRow> {
  for (const i of state.images.values()) yield { kind: 'image', id: i.id, ...(i.name === null ? {} : { name: i.name }), project: i.owner, status: i.status, visibility: i.visibility, hidden: i.hidden, protected: i.protected, tags: i.tags, properties: i.properties, members: [...(state.members.get(i.id) ?? [])].map(([project, m]) => ({ project, status: m.status })), size: i.size, digest: i.hash };
}

/** Image service v2.17 (2025.1). */
export const glance: ServiceDefinition<GlanceState> = {
  name: 'image',
  catalog: [{ type: 'image', name: 'glance', path: '' }],
  prefix: '/v2',
  errors: glanceErrors,
  rootRoutes: [
    { method: 'GET', path: '/', auth: false, handler: (call) => ({ status: 300, body: versions(call.root) }) },
    { method: 'GET', path: '/versions', auth: false, handler: (call) => ok(versions(call.root)) },
  ],
  routes: [...imageRoutes, ...dataRoutes, ...importRoutes, ...memberRoutes],
  createState,
  /** An upload that the death cut off has left nothing; imports under way have failed. */
  onUp(state, site) {
    for (const i of state.images.values()) if (i.status === 'saving' || i.status === 'importing') i.status = 'queued';
    for (const t of state.tasks) if (t.status === 'processing') Object.assign(t, { status: 'failure', message: 'the service was restarted', updatedAt: site.now() });
  },
  inspect,
};
