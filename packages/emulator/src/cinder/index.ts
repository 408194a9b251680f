import type { Site } from '../core/site.ts';
import { notFound } from '../errors.ts';
import { faultFormat } from '../http/formats.ts';
import { ok, type ErrorFormat, type Json, type ResourceRow, type Route, type ServiceDefinition } from '../http/service.ts';
import { attachmentRoutes } from './attachments.ts';
import { backupRoutes } from './backups.ts';
import { defaultGroupType, groupTypeRoutes } from './group-types.ts';
import { groupRoutes } from './groups.ts';
import { groupSnapshotRoutes } from './group-snapshots.ts';
import { manageRoutes } from './manage.ts';
import { volumesPart } from './part.ts';
import { setService, siteStarts } from './recovery.ts';
import { serviceRoutes } from './services.ts';
import { snapshotRoutes } from './snapshots.ts';
import { emptyState, type CinderState } from './state.ts';
import { typeRoutes } from './types.ts';
import { volumeRoutes } from './volumes.ts';

/** As faultFormat, with the word when to come back in the body too. */
const errors: ErrorFormat = {
  ...faultFormat,
  render(error, call) {
    if (error.status === 413 && error.headers['retry-after'] !== undefined) {
      return { contentType: 'application/json', text: JSON.stringify({ overLimit: { code: 413, message: error.message, retryAfter: error.headers['retry-after'] } }) };
    }
    return faultFormat.render(error, call);
  },
};

/** What came with a later microversion is a 404 of Cinder's own before it. */
const before = (path: string, since: number): Route<CinderState>[] =>
  (['GET', 'POST'] as const).map((method) => ({ method, path, until: since - 1, policy: 'any', handler: () => { throw notFound('The resource could not be found.'); } }));

/** Cinder lets every role of a project do what is not an administrator's. */
const open = (routes: readonly Route<CinderState>[]): Route<CinderState>[] => routes.map((r) => ({ policy: 'any', ...r }));

const version = (root: string): Json => ({
  id: 'v3.0', status: 'CURRENT', version: '3.71', min_version: '3.0', updated: '2023-08-31T00:00:00Z',
  links: [{ rel: 'describedby', type: 'text/html', href: 'https://docs.openstack.org/' }, { rel: 'self', href: `${root}/v3/` }],
  'media-types': [{ base: 'application/json', type: 'application/vnd.openstack.volume+json;version=3' }],
});

function createState(site: Site): CinderState {
  const state = emptyState(site.name);
  const { cinder: wanted, projects } = site.topology;
  for (const { name, backend } of wanted.volumeTypes) {
    const id = site.random.uuid();
    state.types.set(id, { id, name, description: null, isPublic: true, specs: { volume_backend_name: backend }, access: [] });
  }
  const id = site.random.uuid();
  state.types.set(id, { id, name: '__DEFAULT__', description: 'Default Volume Type', isPublic: true, specs: {}, access: [] });
  const groupType = defaultGroupType(site.random.uuid());
  state.groupTypes.set(groupType.id, groupType);
  for (const [name, { quotas }] of Object.entries(projects)) {
    const project = site.parts.identity?.projectNamed(name);
    if (project && Object.keys(quotas).length > 0) state.quotas.set(project.id, { ...quotas });
  }
  site.parts.volumes = volumesPart(site, state);
  return state;
}

function* inspect(state: CinderState): Iterable<ResourceRow> {
  const row = (kind: string, x: { readonly id: string; readonly name: string | null; readonly projectId: string; readonly status: string }, more: Json = {}): ResourceRow => ({ kind, id: x.id, ...(x.name === null ? {} : { name: x.name }), project: x.projectId, status: x.status, ...more });
  for (const v of state.volumes.values()) yield row('volume', v, { size: v.size, metadata: v.metadata, group: v.groupId, bootable: v.bootable });
  for (const s of state.snapshots.values()) yield row('snapshot', s, { volume: s.volumeId, groupSnapshot: s.groupSnapshotId });
  for (const g of state.groups.values()) yield row('volume-group', g);
  for (const g of state.groupSnapshots.values()) yield row('group-snapshot', g, { group: g.groupId });
  for (const b of state.backups.values()) if (!b.deleted) yield row('backup', b, { volume: b.volumeId, parent: b.parentId });
  for (const a of state.attachments.values()) yield { kind: 'attachment', id: a.id, project: a.projectId, status: a.status, volume: a.volumeId, server: a.serverId };
  // What lies in the pool beside Cinder's volumes, and what the pool's mirroring knows of any of them.
  for (const name of state.unmanaged.keys()) if (!state.rbdImages.has(name)) yield { kind: 'rbd-image', id: name, name };
  for (const [name, i] of state.rbdImages) {
    if (i.mirror === undefined && i.snapshots.length === 0 && !state.unmanaged.has(name)) continue;
    yield { kind: 'rbd-image', id: name, name, mode: i.mirror?.mode, primary: i.mirror?.primary, split: i.mirror?.split, meta: i.meta, marks: i.snapshots.filter((s) => s.mirror === undefined).map((s) => s.name) };
  }
}

/** Block Storage as of 2025.1. */
export const cinder: ServiceDefinition<CinderState> = {
  name: 'volume',
  catalog: [
    { type: 'block-storage', name: 'cinder', path: '/v3/%(project_id)s' },
    { type: 'volumev3', name: 'cinder', path: '/v3/%(project_id)s' },
  ],
  prefix: '/v3',
  projectInPath: true,
  microversions: { min: '3.0', max: '3.71' },
  errors,
  rootRoutes: [
    { method: 'GET', path: '/', auth: false, handler: (call) => ({ status: 300, body: { versions: [version(call.root)] } }) },
    { method: 'GET', path: '/v3', auth: false, handler: (call) => ok({ versions: [version(call.root)] }) },
  ],
  routes: open([
    ...volumeRoutes, ...snapshotRoutes, ...backupRoutes, ...groupRoutes, ...groupSnapshotRoutes, ...groupTypeRoutes, ...typeRoutes, ...serviceRoutes, ...attachmentRoutes, ...manageRoutes,
    ...before('/groups', 13), ...before('/groups/detail', 13), ...before('/group_snapshots', 14), ...before('/group_snapshots/detail', 14), ...before('/group_types', 11),
  ]),
  createState,
  onUp: (state, site) => siteStarts(site, state),
  onDaemon: (state, site, daemon, running) => setService(site, state, daemon, running),
  inspect,
};
