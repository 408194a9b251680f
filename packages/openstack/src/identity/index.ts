import { envelope } from '../envelope.ts';
import * as z from 'zod';
import { maybe } from '../fields.ts';
import { orUndefined } from '../errors.ts';
import type { HttpResponse } from '../http/http-client.ts';
import { listAll } from '../paginate.ts';
import { parseBody } from '../parse.ts';
import { seg, type Service } from '../service.ts';
import { versionsBody } from '../session/microversion.ts';
import { tokenBody, tokenInfo, type TokenInfo } from '../session/token.ts';
import type { CallOptions, Query } from '../types.ts';

const entity = { id: z.string(), name: z.string(), enabled: maybe(z.boolean()), description: z.string().nullish() };
export const projectSchema = z.looseObject({ ...entity, domain_id: z.string().nullish(), parent_id: z.string().nullish(), is_domain: maybe(z.boolean()) });
export type Project = z.infer<typeof projectSchema>;
export const userSchema = z.looseObject({ ...entity, domain_id: z.string().nullish(), default_project_id: z.string().nullish(), email: z.string().nullish() });
export type User = z.infer<typeof userSchema>;
export const roleSchema = z.looseObject({ ...entity, domain_id: z.string().nullish() });
export type Role = z.infer<typeof roleSchema>;
export const domainSchema = z.looseObject(entity);
export type Domain = z.infer<typeof domainSchema>;
export const regionSchema = z.looseObject({ id: z.string(), description: z.string().nullish(), parent_region_id: z.string().nullish() });
export type Region = z.infer<typeof regionSchema>;
export const catalogServiceSchema = z.looseObject({ id: z.string(), type: z.string(), name: z.string().nullish(), enabled: maybe(z.boolean()) });
export type CatalogService = z.infer<typeof catalogServiceSchema>;
export const catalogEndpointSchema = z.looseObject({ id: z.string(), service_id: z.string(), interface: z.string(), url: z.string(), region_id: z.string().nullish(), enabled: maybe(z.boolean()) });
export type CatalogEndpoint = z.infer<typeof catalogEndpointSchema>;
export const roleAssignmentSchema = z.looseObject({
  role: z.looseObject({ id: z.string(), name: maybe(z.string()) }),
  user: maybe(z.looseObject({ id: z.string() })),
  group: maybe(z.looseObject({ id: z.string() })),
  scope: z.looseObject({ project: maybe(z.looseObject({ id: z.string() })), domain: maybe(z.looseObject({ id: z.string() })) }),
});
export type RoleAssignment = z.infer<typeof roleAssignmentSchema>;
export const applicationCredentialSchema = z.looseObject({ id: z.string(), name: z.string(), project_id: maybe(z.string()), expires_at: z.string().nullish(), unrestricted: maybe(z.boolean()) });
export type ApplicationCredential = z.infer<typeof applicationCredentialSchema>;

/** The fields of a resource to create or to change, as Keystone's API reference has them. */
export type IdentityBody = Readonly<Record<string, unknown>>;

function collection<S extends z.ZodType>(service: Service, path: string, plural: string, singular: string, item: S) {
  const one = envelope(singular, item);
  const read = async (method: 'GET' | 'POST' | 'PATCH', id: string | undefined, body: IdentityBody | undefined, options?: CallOptions): Promise<z.output<S>> => {
    const answer: Record<string, unknown> = await service.json(
      { method, path: id === undefined ? path : `${path}/${seg(id)}`, ...(body === undefined ? {} : { body: { [singular]: body } }) },
      one,
      options,
    );
    return answer[singular] as z.output<S>;
  };
  const list = (query: Query = {}, options?: CallOptions): Promise<z.output<S>[]> => listAll(service, { path, key: plural, item, query }, options);
  return {
    list,
    get: (id: string, options?: CallOptions): Promise<z.output<S>> => read('GET', id, undefined, options),
    create: (body: IdentityBody, options?: CallOptions): Promise<z.output<S>> => read('POST', undefined, body, options),
    update: (id: string, body: IdentityBody, options?: CallOptions): Promise<z.output<S>> => read('PATCH', id, body, options),
    delete: async (id: string, options?: CallOptions): Promise<void> => {
      await service.send({ method: 'DELETE', path: `${path}/${seg(id)}` }, options);
    },
    /** By id, or by name within what `query` allows (`{ domain_id }`); undefined when there is none. The first, should a name be ambiguous. */
    find: async (nameOrId: string, query: Query = {}, options?: CallOptions): Promise<z.output<S> | undefined> =>
      (await list({ ...query, name: nameOrId }, options))[0] ?? (await orUndefined(read('GET', nameOrId, undefined, options))),
  };
}

/** Identity (Keystone v3). */
export function createIdentity(service: Service, ping: (options?: CallOptions) => Promise<HttpResponse>) {
  const grantPath = (grant: Grant): string =>
    `${grant.projectId !== undefined ? `/projects/${seg(grant.projectId)}` : `/domains/${seg(grant.domainId)}`}/${grant.userId !== undefined ? `users/${seg(grant.userId)}` : `groups/${seg(grant.groupId)}`}/roles/${seg(grant.roleId)}`;
  return {
    /** Whether Keystone answers, asked without credentials and without repeating: its version document at the auth URL. Rejects as any call does. */
    ping: async (options?: CallOptions): Promise<{ version?: string }> => {
      const answer = parseBody(versionsBody, (await ping(options)).text, { service: 'identity', method: 'GET', path: '/v3' });
      return answer.version ? { version: answer.version.id } : {};
    },
    /** What a foreign token stands for; undefined when Keystone does not accept it (expired, revoked, not its own). */
    validateToken: async (subjectToken: string, options?: CallOptions): Promise<TokenInfo | undefined> => {
      // What cannot stand in a header is no token.
      if (!/^[\x21-\x7e]+$/.test(subjectToken)) return undefined;
      const answer = service.json({ method: 'GET', path: '/auth/tokens', headers: { 'x-subject-token': subjectToken } }, tokenBody, options);
      const body = await orUndefined(answer);
      return body && tokenInfo(body);
    },
    /** Revokes a token; one that is not known (any more) is revoked. */
    revokeToken: async (subjectToken: string, options?: CallOptions): Promise<void> => {
      await orUndefined(service.send({ method: 'DELETE', path: '/auth/tokens', headers: { 'x-subject-token': subjectToken } }, options));
    },
    projects: {
      ...collection(service, '/projects', 'projects', 'project', projectSchema),
      /** Those in which the caller has a role. */
      mine: (options?: CallOptions): Promise<Project[]> => listAll(service, { path: '/auth/projects', key: 'projects', item: projectSchema }, options),
    },
    users: collection(service, '/users', 'users', 'user', userSchema),
    roles: collection(service, '/roles', 'roles', 'role', roleSchema),
    domains: collection(service, '/domains', 'domains', 'domain', domainSchema),
    regions: collection(service, '/regions', 'regions', 'region', regionSchema),
    services: collection(service, '/services', 'services', 'service', catalogServiceSchema),
    endpoints: collection(service, '/endpoints', 'endpoints', 'endpoint', catalogEndpointSchema),
    assignments: {
      /** `{ 'user.id', 'scope.project.id', effective, include_names }` */
      list: (query: Query = {}, options?: CallOptions): Promise<RoleAssignment[]> =>
        listAll(service, { path: '/role_assignments', key: 'role_assignments', item: roleAssignmentSchema, query }, options),
      grant: async (grant: Grant, options?: CallOptions): Promise<void> => {
        await service.send({ method: 'PUT', path: grantPath(grant) }, options);
      },
      revoke: async (grant: Grant, options?: CallOptions): Promise<void> => {
        await service.send({ method: 'DELETE', path: grantPath(grant) }, options);
      },
    },
    applicationCredentials: {
      list: async (userId: string, options?: CallOptions): Promise<ApplicationCredential[]> =>
        listAll(service, { path: `/users/${seg(userId)}/application_credentials`, key: 'application_credentials', item: applicationCredentialSchema }, options),
      /** The secret is told once, here. */
      create: async (userId: string, body: IdentityBody & { readonly name: string }, options?: CallOptions): Promise<ApplicationCredential & { secret: string }> => {
        const schema = z.looseObject({ application_credential: applicationCredentialSchema.extend({ secret: z.string() }) });
        return (await service.json({ method: 'POST', path: `/users/${seg(userId)}/application_credentials`, body: { application_credential: body } }, schema, options)).application_credential;
      },
      delete: async (userId: string, id: string, options?: CallOptions): Promise<void> => {
        await service.send({ method: 'DELETE', path: `/users/${seg(userId)}/application_credentials/${seg(id)}` }, options);
      },
    },
  };
}
export type IdentityApi = ReturnType<typeof createIdentity>;

/** A role of a user or group on a project or domain. */
export type Grant = { readonly roleId: string } & (
  | { readonly projectId: string; readonly domainId?: undefined }
  | { readonly domainId: string; readonly projectId?: undefined }
) & (
  | { readonly userId: string; readonly groupId?: undefined }
  | { readonly groupId: string; readonly userId?: undefined }
);
