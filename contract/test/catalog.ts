import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { hex, is, keystoneError, one, text, url } from '../src/shapes/base.ts';
import { projectToken } from '../src/shapes/identity.ts';
import { answers, NO_HEX, refuses, type Suite } from '../src/suite.ts';

const self = z.strictObject({ self: url });
const listLinks = z.strictObject({ next: z.null(), self: url, previous: z.null() });
const region = z.strictObject({ id: text, description: text, parent_region_id: z.null(), links: self });
const service = z.strictObject({ id: hex, name: text, type: text, enabled: z.boolean(), links: self, description: text.optional() });
const endpoint = z.strictObject({ id: hex, interface: is('public', 'internal', 'admin'), region_id: text, region: text, service_id: hex, url: text, enabled: z.boolean(), links: self });
/** What an endpoint is given beside its fields is kept with it. */
const described = endpoint.extend({ description: text });
const list = <S extends z.ZodType>(key: string, shape: S) => z.strictObject({ [key]: z.array(shape), links: listLinks });
const gone = (message: RegExp) => ({ status: 404, body: keystoneError(404, 'Not Found', message), code: 'OS_NOT_FOUND', godwit: 'GW_RESOURCE_GONE' }) as const;
const forbidden = (rule: string) => ({ status: 403, body: keystoneError(403, 'Forbidden', new RegExp(`^You are not authorized to perform the requested action: ${rule}\\.$`)), code: 'OS_FORBIDDEN', godwit: 'GW_SITE_FORBIDDEN' }) as const;

/** What the star needs of Keystone beside tokens: regions and endpoints that come and go, tokens to try it with. */
export function catalog(suite: Suite): void {
  describe('identity: catalogue and tokens to try', () => {
    it('a region and an endpoint in it: made, listed, announced, taken away', async () => {
      const [admin, tenant] = [await suite.cloud('admin'), await suite.cloud('tenant')];
      const { endpoints, regions, services } = admin.identity;
      const id = 'contract-region';
      await answers(() => regions.create({ id, description: 'of the contract suite' }), { status: 201, body: one('region', region) });
      await refuses(() => regions.create({ id, description: 'again' }), { status: 409, body: keystoneError(409, 'Conflict', /^Conflict occurred attempting to store region - /), code: 'OS_CONFLICT', godwit: 'GW_SITE_CONFLICT' });
      await refuses(() => tenant.identity.regions.create({ id: 'contract-other' }), forbidden('identity:create_region'));
      expect((await answers(() => regions.list(), { status: 200, body: list('regions', region) })).map((r) => r.id)).toEqual(expect.arrayContaining(['site1', id]));
      const [keystone, ...more] = await answers(() => services.list({ type: 'identity' }), { status: 200, body: list('services', service) });
      expect([keystone?.name, more]).toEqual(['keystone', []]);
      const service_id = keystone?.id ?? '';
      const made = await answers(() => endpoints.create({ service_id, region_id: id, interface: 'public', url: 'http://contract.invalid:5000', enabled: false, description: 'x' }), { status: 201, body: one('endpoint', described) });
      expect((await answers(() => endpoints.list({ service_id, region_id: id }), { status: 200, body: list('endpoints', described) })).map((e) => e.id)).toEqual([made.id]);
      await answers(() => endpoints.list({ service_id, region_id: 'site1' }), { status: 200, body: list('endpoints', endpoint) });
      // Not announced, it is in nobody's token; announced, in the next.
      const seen = async (): Promise<boolean> => (await admin.session.issue()).catalog.some((c) => c.endpoints.some((e) => e.region_id === id));
      expect(await seen()).toBe(false);
      await answers(() => endpoints.update(made.id, { enabled: true }), { status: 200, body: one('endpoint', described) });
      expect(await seen()).toBe(true);
      await refuses(() => regions.delete(id), { status: 403, body: keystoneError(403, 'Forbidden', /^Unable to delete region contract-region because it or its child regions have associated endpoints\.$/), code: 'OS_FORBIDDEN', godwit: 'GW_SITE_FORBIDDEN' });
      await answers(() => endpoints.delete(made.id), { status: 204 });
      await refuses(() => endpoints.delete(made.id), gone(/^Could not find endpoint: /));
      await refuses(() => endpoints.update(NO_HEX, { enabled: true }), gone(/^Could not find endpoint: /));
      await answers(() => regions.delete(id), { status: 204 });
      await refuses(() => regions.delete(id), gone(/^Could not find region: contract-region\.$/));
    });

    it('a token to try with is issued, taken, revoked, and then not known any more', async () => {
      const [admin, service] = [await suite.cloud('admin'), await suite.cloud('service')];
      const { id } = await answers(() => admin.session.issue(), { status: 201, body: projectToken });
      await answers(() => service.identity.validateToken(id), { status: 200, body: projectToken });
      await answers(() => admin.identity.revokeToken(id), { status: 204 });
      expect(await service.identity.validateToken(id)).toBeUndefined();
      // Twice is no harm: the client takes 404 for done.
      await admin.identity.revokeToken(id);
    });
  });
}
