import * as z from 'zod';
import { empty, hex, is, nothing, text, timeMicroZ, timeZ, url } from './base.ts';

const domainRef = z.strictObject({ id: text, name: text });
const token = {
  methods: z.array(is('password', 'token', 'application_credential')),
  user: z.strictObject({ domain: domainRef, id: hex, name: text, password_expires_at: z.null() }),
  audit_ids: z.array(text.regex(/^[\w-]{22}$/)),
  expires_at: timeMicroZ,
  issued_at: timeMicroZ,
};
const endpoint = z.strictObject({ id: hex, interface: is('admin', 'public', 'internal'), region_id: text, url, region: text });
export const projectToken = z.strictObject({
  token: z.strictObject({
    ...token,
    project: z.strictObject({ domain: domainRef, id: hex, name: text }),
    is_domain: z.literal(false),
    roles: z.array(z.strictObject({ id: hex, name: text })).min(1),
    catalog: z.array(z.strictObject({ endpoints: z.array(endpoint), id: hex, type: text, name: text })).min(1),
  }),
});
export const unscopedToken = z.strictObject({ token: z.strictObject(token) });
export const version = z.strictObject({
  version: z.strictObject({ id: text.regex(/^v3\.\d+$/), status: is('stable'), updated: timeZ, links: z.array(z.strictObject({ rel: is('self'), href: url })), 'media-types': z.array(z.strictObject({ base: text, type: text })) }),
});
const listLinks = z.strictObject({ next: z.null(), self: url, previous: z.null() });
const self = z.strictObject({ self: url });
export const project = z.strictObject({ id: hex, name: text, domain_id: text, description: text, enabled: z.boolean(), parent_id: text, is_domain: z.literal(false), tags: nothing, options: empty, links: self });
export const projects = z.strictObject({ projects: z.array(project), links: listLinks });
export const domains = z.strictObject({ domains: z.array(z.strictObject({ id: text, name: text, description: text, enabled: z.boolean(), tags: nothing, options: empty, links: self })), links: listLinks });
