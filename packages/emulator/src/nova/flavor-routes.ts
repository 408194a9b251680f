import { z } from 'zod';
import { conflict, notFound } from '../errors.ts';
import { bodyOf } from '../http/body.ts';
import { pageOf } from '../http/paging.ts';
import { accepted, type Json, ok, type Route } from '../http/service.ts';
import type { NCall } from './lookup.ts';
import type { Flavor, NovaState } from './state.ts';
import { flavorView, links } from './views.ts';

const visible = ({ token }: NCall, f: Flavor): boolean => f.isPublic || token.admin || f.access.includes(token.projectId ?? '');

function flavorOf(call: NCall): Flavor {
  const id = call.params['id'] ?? '';
  const found = call.state.flavors.get(id);
  if (!found || !visible(call, found)) throw notFound(`Flavor ${id} could not be found.`);
  return found;
}

function listed(call: NCall): Flavor[] {
  const { query, token } = call;
  // Administrators may ask for those that are not public (`none`: all).
  const wanted = token.admin ? (query.get('is_public') ?? 'true').toLowerCase() : 'true';
  return [...call.state.flavors.values()]
    .filter((f) => visible(call, f) && (wanted === 'none' || f.isPublic === (wanted === 'true' || wanted === '1') || (!token.admin && !f.isPublic)))
    .filter((f) => (!query.has('minRam') || f.ram >= Number(query.get('minRam'))) && (!query.has('minDisk') || f.disk >= Number(query.get('minDisk'))))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

const number = z.union([z.number(), z.string().regex(/^\d+$/).transform(Number)]);
const schema = z.object({
  flavor: z.looseObject({
    name: z.string().min(1), vcpus: number, ram: number, disk: number, id: z.union([z.string(), z.number().transform(String), z.null()]).optional(), swap: number.default(0),
    'OS-FLV-EXT-DATA:ephemeral': number.default(0), 'os-flavor-access:is_public': z.boolean().default(true), description: z.string().nullish(),
  }),
});
const specsSchema = z.object({ extra_specs: z.record(z.string(), z.union([z.string(), z.number().transform(String)])) });

const accessView = (f: Flavor): Json => ({ flavor_access: f.access.map((tenant_id) => ({ flavor_id: f.id, tenant_id })) });

export const flavorRoutes: readonly Route<NovaState>[] = [
  { method: 'GET', path: '/flavors', handler: (call) => ok({ flavors: pageOf(listed(call), call.query, (f) => f.id).page.map((f) => ({ id: f.id, name: f.name, links: links(call.root, `flavors/${f.id}`), ...(call.micro >= 55 && { description: f.description }) })) }) },
  { method: 'GET', path: '/flavors/detail', handler: (call) => ok({ flavors: pageOf(listed(call), call.query, (f) => f.id).page.map((f) => flavorView(call, f)) }) },
  { method: 'GET', path: '/flavors/:id', handler: (call) => ok({ flavor: flavorView(call, flavorOf(call)) }) },
  {
    method: 'POST', path: '/flavors', policy: 'admin', rule: 'os_compute_api:os-flavor-manage:create',
    handler: (call) => {
      const { flavor: f } = bodyOf(schema, call.body);
      const id = f.id === undefined || f.id === null || f.id === 'auto' ? call.site.random.uuid() : f.id;
      if (call.state.flavors.has(id)) throw conflict(`Flavor with ID ${id} already exists.`);
      if ([...call.state.flavors.values()].some((other) => other.name === f.name)) throw conflict(`Flavor with name ${f.name} already exists.`);
      const flavor: Flavor = { id, name: f.name, vcpus: f.vcpus, ram: f.ram, disk: f.disk, swap: f.swap, ephemeral: f['OS-FLV-EXT-DATA:ephemeral'], isPublic: f['os-flavor-access:is_public'], description: f.description ?? null, extraSpecs: {}, access: [] };
      call.state.flavors.set(id, flavor);
      return ok({ flavor: flavorView(call, flavor) });
    },
  },
  {
    method: 'PUT', path: '/flavors/:id', since: 55, policy: 'admin', rule: 'os_compute_api:os-flavor-manage:update',
    handler: (call) => {
      const flavor = flavorOf(call);
      flavor.description = bodyOf(z.object({ flavor: z.strictObject({ description: z.string().nullable() }) }), call.body).flavor.description;
      return ok({ flavor: flavorView(call, flavor) });
    },
  },
  {
    method: 'DELETE', path: '/flavors/:id', policy: 'admin', rule: 'os_compute_api:os-flavor-manage:delete',
    handler: (call) => {
      call.state.flavors.delete(flavorOf(call).id);
      return accepted();
    },
  },
  { method: 'GET', path: '/flavors/:id/os-extra_specs', handler: (call) => ok({ extra_specs: flavorOf(call).extraSpecs }) },
  {
    method: 'POST', path: '/flavors/:id/os-extra_specs', policy: 'admin', rule: 'os_compute_api:os-flavor-extra-specs:create',
    handler: (call) => {
      const flavor = flavorOf(call);
      const { extra_specs } = bodyOf(specsSchema, call.body);
      flavor.extraSpecs = { ...flavor.extraSpecs, ...extra_specs };
      return ok({ extra_specs });
    },
  },
  {
    method: 'GET', path: '/flavors/:id/os-extra_specs/:key',
    handler: (call) => {
      const { id, extraSpecs } = flavorOf(call);
      const key = call.params['key'] ?? '';
      if (extraSpecs[key] === undefined) throw notFound(`Flavor ${id} has no extra specs with key ${key}.`);
      return ok({ [key]: extraSpecs[key] });
    },
  },
  {
    method: 'DELETE', path: '/flavors/:id/os-extra_specs/:key', policy: 'admin', rule: 'os_compute_api:os-flavor-extra-specs:delete',
    handler: (call) => {
      const flavor = flavorOf(call);
      const { [call.params['key'] ?? '']: gone, ...rest } = flavor.extraSpecs;
      if (gone === undefined) throw notFound(`Flavor ${flavor.id} has no extra specs with key ${call.params['key'] ?? ''}.`);
      flavor.extraSpecs = rest;
      return { status: 200 };
    },
  },
  {
    method: 'GET', path: '/flavors/:id/os-flavor-access', policy: 'admin', rule: 'os_compute_api:os-flavor-access',
    handler: (call) => {
      const flavor = flavorOf(call);
      if (flavor.isPublic) throw notFound('Access list not available for public flavors.');
      return ok(accessView(flavor));
    },
  },
  {
    method: 'POST', path: '/flavors/:id/action', policy: 'admin', rule: 'os_compute_api:os-flavor-access:add_tenant_access',
    handler: (call) => {
      const flavor = flavorOf(call);
      const { addTenantAccess: add, removeTenantAccess: drop } = call.body as Record<string, { tenant?: string } | undefined>;
      if (add?.tenant !== undefined) {
        if (flavor.isPublic) throw conflict('Can not add access to a public flavor.');
        if (flavor.access.includes(add.tenant)) throw conflict(`Flavor access already exists for flavor ${flavor.id} and project ${add.tenant} combination.`);
        flavor.access = [...flavor.access, add.tenant];
      } else if (drop?.tenant !== undefined) {
        if (!flavor.access.includes(drop.tenant)) throw notFound(`Flavor access not found for ${flavor.id} / ${drop.tenant} combination.`);
        flavor.access = flavor.access.filter((p) => p !== drop.tenant);
      }
      return ok(accessView(flavor));
    },
  },
];
