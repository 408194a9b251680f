import { ApiError, badRequest, conflict, notFound } from '../errors.ts';
import { noContent, ok, type Answer, type Route } from '../http/service.ts';
import { nextQuery, pageOf } from '../http/paging.ts';
import { serverAction } from './actions.ts';
import { createServer } from './create.ts';
import { invalid } from './format.ts';
import { assertUnlocked, type NCall, serverOf } from './lookup.ts';
import { compute } from './runtime.ts';
import type { NovaState, Server } from './state.ts';
import { briefView, serverView, statusOf } from './views.ts';

const truthy = (value: string | null): boolean => value !== null && /^(1|true|t|yes|y|on|)$/i.test(value);

/** What the caller may see, filtered, newest first. */
function matching(call: NCall, rule: string): Server[] {
  const { state, query, token } = call;
  const all = query.has('all_tenants') && truthy(query.get('all_tenants'));
  if (all && !token.admin) throw new ApiError(403, `Policy doesn't allow ${rule}:get_all_tenants to be performed.`);
  const project = all ? (query.get('project_id') ?? query.get('tenant_id')) : token.projectId;
  const text = query.get('name');
  let name: RegExp | undefined;
  try {
    name = text === null ? undefined : new RegExp(text);
  } catch {
    throw badRequest('Invalid filter: name is no regular expression.');
  }
  const status = query.getAll('status').map((s) => s.toUpperCase());
  const equals: readonly [string, (s: Server) => string | null][] = [
    ['host', (s) => s.host], ['image', (s) => s.imageId], ['flavor', (s) => s.flavor.id], ['user_id', (s) => s.userId], ['uuid', (s) => s.id], ['reservation_id', (s) => s.reservationId], ['key_name', (s) => s.keyName],
  ];
  const wanted = equals.filter(([field]) => query.has(field));
  const tags = query.get('tags')?.split(',');
  const since = query.get('changes-since');
  const found: Server[] = [];
  for (const server of state.servers.values()) {
    if (project !== null && server.projectId !== project) continue;
    if (name && !name.test(server.name)) continue;
    if (status.length > 0 && !status.includes(statusOf(server))) continue;
    if (tags && !tags.every((tag) => server.tags.includes(tag))) continue;
    if (since !== null && server.updated < Date.parse(since)) continue;
    if (wanted.every(([field, of]) => query.get(field) === of(server))) found.push(server);
  }
  return found.reverse();
}

function list(call: NCall, path: string, view: (call: NCall, server: Server) => unknown): Answer {
  const { page, next } = pageOf(matching(call, `os_compute_api:servers:${path === 'servers' ? 'index' : 'detail'}`), call.query, (s) => s.id);
  return ok({
    servers: page.map((server) => view(call, server)),
    ...(next !== undefined && { servers_links: [{ rel: 'next', href: `${call.root}/v2.1/${path}?${nextQuery(call.query, next)}` }] }),
  });
}

function update(call: NCall): Answer {
  const server = serverOf(call);
  const given = (call.body['server'] ?? {}) as Record<string, unknown>;
  const { name, description, hostname } = given;
  if (name !== undefined && (typeof name !== 'string' || name === '')) throw invalid('name', name, "'' is too short");
  if (typeof name === 'string') server.name = name;
  if (description !== undefined && call.micro >= 19) server.description = description as string | null;
  if (typeof hostname === 'string' && call.micro >= 90) server.hostname = hostname;
  server.updated = call.site.now();
  return ok({ server: serverView(call, server) });
}

function remove(call: NCall): Answer {
  const server = serverOf(call);
  assertUnlocked(call, server);
  if (server.taskState !== 'deleting') compute(call.site).delete(server);
  return noContent;
}

const metadata: Route<NovaState>[] = [
  { method: 'GET', path: '/servers/:id/metadata', handler: (call) => ok({ metadata: serverOf(call).metadata }) },
  {
    method: 'POST', path: '/servers/:id/metadata', rule: 'os_compute_api:server-metadata:create',
    handler: (call) => {
      const server = serverOf(call);
      assertUnlocked(call, server);
      server.metadata = { ...server.metadata, ...strings(call.body['metadata']) };
      return ok({ metadata: server.metadata });
    },
  },
  {
    method: 'PUT', path: '/servers/:id/metadata', rule: 'os_compute_api:server-metadata:update_all',
    handler: (call) => {
      const server = serverOf(call);
      assertUnlocked(call, server);
      server.metadata = strings(call.body['metadata']);
      return ok({ metadata: server.metadata });
    },
  },
  {
    method: 'DELETE', path: '/servers/:id/metadata/:key', rule: 'os_compute_api:server-metadata:delete',
    handler: (call) => {
      const server = serverOf(call);
      assertUnlocked(call, server);
      const { [call.params['key'] ?? '']: gone, ...rest } = server.metadata;
      if (gone === undefined) throw notFound('Metadata item was not found');
      server.metadata = rest;
      return noContent;
    },
  },
];

function strings(value: unknown): Record<string, string> {
  if (typeof value !== 'object' || value === null) throw invalid('metadata', value, "is not of type 'object'");
  for (const [key, each] of Object.entries(value)) if (typeof each !== 'string') throw invalid(key, each, "is not of type 'string'");
  return value as Record<string, string>;
}

const tags: Route<NovaState>[] = [
  { method: 'GET', path: '/servers/:id/tags', since: 26, handler: (call) => ok({ tags: serverOf(call).tags }) },
  {
    method: 'PUT', path: '/servers/:id/tags', since: 26, rule: 'os_compute_api:os-server-tags:update_all',
    handler: (call) => {
      const server = serverOf(call);
      server.tags = [...new Set((call.body['tags'] ?? []) as string[])];
      return ok({ tags: server.tags });
    },
  },
  {
    method: 'PUT', path: '/servers/:id/tags/:tag', since: 26, rule: 'os_compute_api:os-server-tags:update',
    handler: (call) => {
      const server = serverOf(call);
      const tag = call.params['tag'] ?? '';
      if (server.tags.includes(tag)) return noContent;
      server.tags = [...server.tags, tag];
      return { status: 201 };
    },
  },
  {
    method: 'DELETE', path: '/servers/:id/tags/:tag', since: 26, rule: 'os_compute_api:os-server-tags:delete',
    handler: (call) => {
      const server = serverOf(call);
      const tag = call.params['tag'] ?? '';
      if (!server.tags.includes(tag)) throw notFound(`Server ${server.id} has no tag '${tag}'`);
      server.tags = server.tags.filter((t) => t !== tag);
      return noContent;
    },
  },
];

const securityGroupsOf: Route<NovaState> = {
  method: 'GET', path: '/servers/:id/os-security-groups',
  handler: (call) => {
    const ports = call.site.part('ports');
    const ids = new Set(serverOf(call).ports.flatMap((p) => ports.get(p.id)?.securityGroups ?? []));
    return ok({ security_groups: [...ids].map((id) => ({ id, name: ports.securityGroupName(id) ?? id, description: '', rules: [], tenant_id: call.token.projectId })) });
  },
};

export const serverRoutes: readonly Route<NovaState>[] = [
  { method: 'GET', path: '/servers', handler: (call) => list(call, 'servers', briefView) },
  { method: 'GET', path: '/servers/detail', handler: (call) => list(call, 'servers/detail', serverView) },
  { method: 'POST', path: '/servers', rule: 'os_compute_api:servers:create', handler: createServer },
  { method: 'GET', path: '/servers/:id', handler: (call) => ok({ server: serverView(call, serverOf(call)) }) },
  { method: 'PUT', path: '/servers/:id', rule: 'os_compute_api:servers:update', handler: update },
  { method: 'DELETE', path: '/servers/:id', rule: 'os_compute_api:servers:delete', handler: remove },
  // Each action has a policy of its own.
  { method: 'POST', path: '/servers/:id/action', policy: 'any', handler: serverAction },
  { method: 'GET', path: '/servers/:id/os-instance-actions', handler: (call) => (serverOf(call), ok({ instanceActions: [] })) },
  {
    method: 'GET', path: '/servers/:id/diagnostics', policy: 'admin',
    handler: (call) => {
      if (serverOf(call).vmState !== 'active') throw conflict('Instance is not running');
      return ok({ state: 'running', driver: 'libvirt', hypervisor: 'qemu' });
    },
  },
  securityGroupsOf,
  ...metadata,
  ...tags,
];
