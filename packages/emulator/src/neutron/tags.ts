import { noContent, ok, type Answer, type Route } from '../http/service.ts';
import { fault, mine, type NeutronCall } from './common.ts';
import type { NeutronState } from './state.ts';

interface Tagged {
  readonly projectId: string;
  tags: string[];
  updatedAt: number;
  /** Neutron counts a change of the tags as one of what has them. */
  revision: number;
}

const kinds: Readonly<Record<string, (state: NeutronState) => ReadonlyMap<string, Tagged>>> = {
  networks: (s) => s.networks, subnets: (s) => s.subnets, ports: (s) => s.ports, 'security-groups': (s) => s.securityGroups,
};

function resource(call: NeutronCall, kind: string): Tagged {
  const found = kinds[kind]?.(call.state).get(call.params['id'] ?? '');
  if (!found || !mine(call, found.projectId)) throw fault(404, 'TagResourceNotFound', `Resource ${kind} ${call.params['id'] ?? ''} could not be found.`);
  return found;
}

function add(call: NeutronCall, kind: string): Answer {
  const found = resource(call, kind);
  found.revision += 1;
  found.tags = [...new Set([...found.tags, call.params['tag'] ?? ''])];
  return { status: 201, body: null };
}

function remove(call: NeutronCall, kind: string): Answer {
  const found = resource(call, kind);
  const tag = call.params['tag'] ?? '';
  if (!found.tags.includes(tag)) throw fault(404, 'TagNotFound', `Tag ${tag} could not be found.`);
  found.revision += 1;
  found.tags = found.tags.filter((t) => t !== tag);
  return noContent;
}

function replace(call: NeutronCall, kind: string): Answer {
  const found = resource(call, kind);
  const { tags } = call.body;
  found.revision += 1;
  found.tags = Array.isArray(tags) ? [...new Set(tags as string[])] : [];
  return ok({ tags: found.tags });
}

export const tagRoutes: readonly Route<NeutronState>[] = Object.keys(kinds).flatMap((kind): Route<NeutronState>[] => [
  { method: 'GET', path: `/${kind}/:id/tags`, policy: 'any', handler: (call) => ok({ tags: resource(call, kind).tags }) },
  { method: 'PUT', path: `/${kind}/:id/tags`, rule: 'update_tags', handler: (call) => replace(call, kind) },
  { method: 'PUT', path: `/${kind}/:id/tags/:tag`, rule: 'update_tags', handler: (call) => add(call, kind) },
  { method: 'DELETE', path: `/${kind}/:id/tags/:tag`, rule: 'delete_tags', handler: (call) => remove(call, kind) },
]);
