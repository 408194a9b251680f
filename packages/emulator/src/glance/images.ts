import { created, noContent, ok, type Answer, type Json, type Route } from '../http/service.ts';
import { detailed, findImage, maySee, ownImage, refused, view, type GlanceCall } from './common.ts';
import { setField } from './fields.ts';
import type { GlanceState, Image } from './state.ts';

const importMethods = ['glance-direct', 'web-download', 'glance-download', 'copy-image'];

/** A row with nothing in it. */
export const blankImage = (id: string, owner: string, now: number): Image => ({
  id, name: null, status: 'queued', visibility: 'shared', protected: false, hidden: false, owner, size: null, diskFormat: null, containerFormat: null, minDisk: 0, minRam: 0, checksum: null, hash: null, tags: [], properties: {},
  createdAt: now, updatedAt: now, data: undefined, staged: undefined,
});

function create(call: GlanceCall): Answer {
  const { state, site, token, body } = call;
  const { id: given, owner, ...fields } = body;
  const id = typeof given === 'string' ? given : site.random.uuid();
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id)) throw refused(400, `Provided object does not match schema 'image': '${id}' does not match '^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$'`);
  if (owner !== undefined && owner !== token.projectId && !token.admin) throw detailed(403, `You are not permitted to create images owned by '${String(owner)}'`);
  if (state.images.has(id) || state.deleted.has(id)) throw refused(409, `Image ID ${id} already exists!`);
  const image = blankImage(id, typeof owner === 'string' ? owner : (token.projectId ?? ''), site.now());
  for (const [field, value] of Object.entries(fields)) setField(call, image, field, value);
  state.images.set(id, image);
  return created(view(image), { location: `${call.root}/v2/images/${id}`, 'openstack-image-import-methods': importMethods.join(','), 'openstack-image-store-ids': 'file1,os_glance_staging_store,os_glance_tasks_store' });
}

const filters: Readonly<Record<string, (image: Image, value: string) => boolean>> = {
  name: (i, v) => matches(i.name ?? '', v), id: (i, v) => matches(i.id, v), status: (i, v) => matches(i.status, v), visibility: (i, v) => v === 'all' || i.visibility === v, owner: (i, v) => i.owner === v, tag: (i, v) => i.tags.includes(v),
  protected: (i, v) => String(i.protected) === v.toLowerCase(), os_hidden: (i, v) => String(i.hidden) === v.toLowerCase(), disk_format: (i, v) => matches(i.diskFormat ?? '', v), container_format: (i, v) => matches(i.containerFormat ?? '', v),
  checksum: (i, v) => i.checksum === v, os_hash_value: (i, v) => i.hash === v, size_min: (i, v) => (i.size ?? 0) >= Number(v), size_max: (i, v) => (i.size ?? 0) <= Number(v), min_disk: (i, v) => i.minDisk === Number(v), min_ram: (i, v) => i.minRam === Number(v),
};

const matches = (is: string, wanted: string): boolean => (wanted.startsWith('in:') ? wanted.slice(3).split(',').includes(is) : is === wanted.replace(/^eq:/, ''));
const controls = new Set(['limit', 'marker', 'sort', 'sort_key', 'sort_dir', 'member_status']);

function list(call: GlanceCall): Answer {
  const { query, token, state } = call;
  const text = query.get('limit');
  if (text !== null && !/^-?\d+$/.test(text)) throw refused(400, 'limit param must be an integer');
  if (text?.startsWith('-') === true) throw refused(400, 'limit param must be positive');
  const limit = Math.min(text === null ? 25 : Number(text), 1000);
  const asked = query.get('visibility');
  const wanted = query.get('member_status') ?? 'accepted';
  const shows = (i: Image): boolean => {
    if (asked === 'community') return i.visibility === 'community';
    if (token.admin) return true;
    if (i.owner === token.projectId || i.visibility === 'public') return true;
    const member = state.members.get(i.id)?.get(token.projectId ?? '');
    return i.visibility === 'shared' && member !== undefined && (wanted === 'all' || member.status === wanted);
  };
  const hidden = query.get('os_hidden') ?? 'false';
  let found = [...state.images.values()].filter((i) => shows(i) && String(i.hidden) === hidden.toLowerCase());
  for (const [name, value] of query) {
    if (controls.has(name)) continue;
    const filter = filters[name];
    found = found.filter((i) => (filter ? filter(i, value) : i.properties[name] === value));
  }
  found.reverse();
  found.sort((a, b) => b.createdAt - a.createdAt);
  if (query.get('sort')?.endsWith(':asc') === true || query.get('sort_dir') === 'asc') found.reverse();
  const marker = query.get('marker');
  // A marker that is not there is passed over, as the real one does.
  const from = marker === null ? 0 : found.findIndex((i) => i.id === marker) + 1;
  const page = found.slice(from, from + limit);
  const search = query.toString();
  const first = new URLSearchParams(query);
  first.delete('marker');
  const body: Json = { images: page.map(view), first: `/v2/images${first.size > 0 ? `?${first.toString()}` : ''}`, schema: '/v2/schemas/images' };
  const last = page.at(-1);
  // Glance names a next page whenever this one is full.
  if (last && page.length === limit) {
    const next = new URLSearchParams(search);
    next.set('marker', last.id);
    body['next'] = `/v2/images?${next.toString()}`;
  }
  return ok(body);
}

function patch(call: GlanceCall): Answer {
  const image = ownImage(call, 'modify_image');
  const operations = call.body as unknown;
  if (!Array.isArray(operations)) throw refused(400, 'Request body must be a JSON array of operation objects.');
  for (const operation of operations as { op?: string; path?: string; value?: unknown }[]) {
    const field = (operation.path ?? '').replace(/^\//, '').replaceAll('~1', '/').replaceAll('~0', '~');
    if (field === '') throw refused(400, 'Unable to find `/` in JSON Pointer');
    if (operation.op === 'remove') {
      if (!(field in image.properties)) throw detailed(field in view(image) ? 403 : 409, field in view(image) ? `Property ${field} may not be removed.` : `Property ${field} does not exist.`);
      const { [field]: _gone, ...rest } = image.properties;
      image.properties = rest;
    } else if (operation.op === 'add' || operation.op === 'replace') {
      if (operation.op === 'replace' && !(field in view(image))) throw detailed(409, `Property ${field} does not exist.`);
      setField(call, image, field, operation.value);
    } else throw refused(400, `Operations must be JSON objects.`);
  }
  image.updatedAt = call.site.now();
  return ok(view(image));
}

function remove(call: GlanceCall): Answer {
  const { state } = call;
  const id = call.params['id'] ?? '';
  const known = state.images.get(id);
  if (!known || !maySee(call, known)) throw refused(404, `Failed to find image ${id} to delete`);
  const image = ownImage(call, 'delete_image');
  if (image.protected) throw refused(403, `Image ${image.id} is protected and cannot be deleted.`);
  state.images.delete(image.id);
  state.members.delete(image.id);
  state.deleted.add(image.id);
  return noContent;
}

function tag(call: GlanceCall, add: boolean): Answer {
  const image = ownImage(call, 'modify_image');
  const name = call.params['tag'] ?? '';
  if (!add && !image.tags.includes(name)) throw refused(404, 'The resource could not be found.');
  image.tags = add ? [...new Set([...image.tags, name])] : image.tags.filter((t) => t !== name);
  image.updatedAt = call.site.now();
  return noContent;
}

function activate(call: GlanceCall, on: boolean): Answer {
  const image = ownImage(call, on ? 'reactivate' : 'deactivate');
  if (!['active', 'deactivated'].includes(image.status)) throw refused(403, `Not allowed to ${on ? 'reactivate' : 'deactivate'} image in status '${image.status}'`);
  image.status = on ? 'active' : 'deactivated';
  return noContent;
}

export const imageRoutes: readonly Route<GlanceState>[] = [
  { method: 'GET', path: '/images', policy: 'any', handler: list },
  { method: 'POST', path: '/images', rule: 'add_image', handler: create },
  { method: 'GET', path: '/images/:id', policy: 'any', handler: (call) => ok(view(findImage(call))) },
  { method: 'PATCH', path: '/images/:id', rule: 'modify_image', body: 'array', handler: patch },
  { method: 'DELETE', path: '/images/:id', rule: 'delete_image', handler: remove },
  { method: 'PUT', path: '/images/:id/tags/:tag', rule: 'modify_image', handler: (call) => tag(call, true) },
  { method: 'DELETE', path: '/images/:id/tags/:tag', rule: 'modify_image', handler: (call) => tag(call, false) },
  { method: 'POST', path: '/images/:id/actions/deactivate', policy: 'admin', rule: 'deactivate', handler: (call) => activate(call, false) },
  { method: 'POST', path: '/images/:id/actions/reactivate', policy: 'admin', rule: 'reactivate', handler: (call) => activate(call, true) },
  { method: 'GET', path: '/info/import', policy: 'any', handler: () => ok({ 'import-methods': { description: 'Import methods available.', type: 'array', value: importMethods } }) },
  { method: 'GET', path: '/info/stores', policy: 'any', handler: () => ok({ stores: [{ id: 'file1', default: 'true' }] }) },
];
