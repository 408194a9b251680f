import { envelope } from '../envelope.ts';
import * as z from 'zod';
import { iterate, listAll } from '../paginate.ts';
import { quotaUsage } from '../quota.ts';
import { seg, type Service } from '../service.ts';
import type { CallOptions, Query } from '../types.ts';
import {
  addressGroupSchema, agentSchema, extensionSchema, floatingIpSchema, networkSchema, portSchema, routerSchema, securityGroupRuleSchema, securityGroupSchema, subnetSchema,
} from './schemas.ts';

/** The fields of a resource to create or to change, as Neutron's API reference has them. */
export type NetworkBody = Readonly<Record<string, unknown>>;

/** Only with a page size does Neutron tell of further pages; without one it sends all, or as many as the site allows. */
const PAGE = 500;

/** These are small: fewer, larger pages. */
const REVISIONS_PAGE = 5_000;
const revisionSchema = z.looseObject({ id: z.string(), revision_number: z.number() });

/** All of Neutron's collections work alike. */
const portsAnswer = z.looseObject({ ports: z.array(portSchema) });
const quotaAnswer = z.looseObject({ quota: quotaUsage() });

function collection<S extends z.ZodType>(service: Service, path: string, plural: string, singular: string, item: S) {
  const one = envelope(singular, item);
  const listRequest = (query: Query) => ({ path, key: plural, item, query, pageSize: PAGE });
  const read = async (method: 'GET' | 'POST' | 'PUT', id: string | undefined, body: NetworkBody | undefined, options?: CallOptions): Promise<z.output<S>> => {
    const answer: Record<string, unknown> = await service.json(
      { method, path: id === undefined ? path : `${path}/${seg(id)}`, ...(body === undefined ? {} : { body: { [singular]: body } }) },
      one,
      options,
    );
    return answer[singular] as z.output<S>;
  };
  return {
    /** Filters by any field: `{ network_id, fixed_ips: 'ip_address=10.0.0.5', tags }`; `limit`: the most it returns. */
    list: (query: Query = {}, options?: CallOptions): Promise<z.output<S>[]> => listAll(service, listRequest(query), options),
    iterate: (query: Query = {}, options?: CallOptions): AsyncGenerator<z.output<S>> => iterate(service, listRequest(query), options),
    get: (id: string, options?: CallOptions): Promise<z.output<S>> => read('GET', id, undefined, options),
    create: (body: NetworkBody, options?: CallOptions): Promise<z.output<S>> => read('POST', undefined, body, options),
    update: (id: string, body: NetworkBody, options?: CallOptions): Promise<z.output<S>> => read('PUT', id, body, options),
    delete: async (id: string, options?: CallOptions): Promise<void> => {
      await service.send({ method: 'DELETE', path: `${path}/${seg(id)}` }, options);
    },
    addTag: async (id: string, tag: string, options?: CallOptions): Promise<void> => {
      await service.send({ method: 'PUT', path: `${path}/${seg(id)}/tags/${seg(tag)}` }, options);
    },
    deleteTag: async (id: string, tag: string, options?: CallOptions): Promise<void> => {
      await service.send({ method: 'DELETE', path: `${path}/${seg(id)}/tags/${seg(tag)}` }, options);
    },
    /** Only which there are, and of which revision: a fraction of the bytes of `list`, to find out what has changed. */
    revisions: async (query: Query = {}, options?: CallOptions): Promise<Map<string, number>> =>
      new Map((await listAll(service, { path, key: plural, item: revisionSchema, query: { ...query, fields: ['id', 'revision_number'] }, pageSize: REVISIONS_PAGE }, options)).map((r) => [r.id, r.revision_number])),
    /** All of them at once: others are taken away. */
    setTags: async (id: string, tags: readonly string[], options?: CallOptions): Promise<void> => {
      await service.send({ method: 'PUT', path: `${path}/${seg(id)}/tags`, body: { tags } }, options);
    },
  };
}

/** Networks (Neutron). */
export function createNetwork(service: Service) {
  return {
    networks: collection(service, '/networks', 'networks', 'network', networkSchema),
    subnets: collection(service, '/subnets', 'subnets', 'subnet', subnetSchema),
    ports: {
      ...collection(service, '/ports', 'ports', 'port', portSchema),
      /** All of them, or none. Many times quicker than one by one, and still some tenths of a second each. */
      createMany: async (bodies: readonly NetworkBody[], options?: CallOptions) =>
        (await service.json({ method: 'POST', path: '/ports', body: { ports: bodies } }, portsAnswer, options)).ports,
    },
    securityGroups: collection(service, '/security-groups', 'security_groups', 'security_group', securityGroupSchema),
    securityGroupRules: collection(service, '/security-group-rules', 'security_group_rules', 'security_group_rule', securityGroupRuleSchema),
    addressGroups: {
      ...collection(service, '/address-groups', 'address_groups', 'address_group', addressGroupSchema),
      /** Neutron takes this body bare; wrapped as others are, it fails with 500. */
      addAddresses: async (id: string, addresses: readonly string[], options?: CallOptions): Promise<void> => {
        await service.send({ method: 'PUT', path: `/address-groups/${seg(id)}/add_addresses`, body: { addresses } }, options);
      },
      removeAddresses: async (id: string, addresses: readonly string[], options?: CallOptions): Promise<void> => {
        await service.send({ method: 'PUT', path: `/address-groups/${seg(id)}/remove_addresses`, body: { addresses } }, options);
      },
    },
    floatingIps: collection(service, '/floatingips', 'floatingips', 'floatingip', floatingIpSchema),
    routers: collection(service, '/routers', 'routers', 'router', routerSchema),
    /** For administrators. */
    agents: collection(service, '/agents', 'agents', 'agent', agentSchema),
    extensions: {
      list: (options?: CallOptions) => listAll(service, { path: '/extensions', key: 'extensions', item: extensionSchema }, options),
    },
    /** Limit and use of `port`, `network`, `subnet`, `security_group`, `floatingip`, … A limit of -1 is none. */
    quota: async (projectId: string, options?: CallOptions) =>
      (await service.json({ method: 'GET', path: `/quotas/${seg(projectId)}/details.json` }, quotaAnswer, options)).quota,
    setQuota: async (projectId: string, limits: Readonly<Record<string, number>>, options?: CallOptions): Promise<void> => {
      await service.send({ method: 'PUT', path: `/quotas/${seg(projectId)}`, body: { quota: limits } }, options);
    },
  };
}
export type NetworkApi = ReturnType<typeof createNetwork>;
