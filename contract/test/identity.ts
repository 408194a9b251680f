import type { CloudConfig } from '@godwit/openstack';
import { describe, expect, it } from 'vitest';
import { domains, projects, projectToken, unscopedToken, version } from '../src/shapes/identity.ts';
import { keystoneError } from '../src/shapes/base.ts';
import { answers, raw, refuses, type Suite } from '../src/suite.ts';

const unauthorized = { status: 401, body: keystoneError(401, 'Unauthorized', /^The request you have made requires authentication\.$/), code: 'OS_UNAUTHORIZED', godwit: 'GW_SITE_CREDENTIALS' } as const;
const forbidden = (rule: string) => ({ status: 403, body: keystoneError(403, 'Forbidden', new RegExp(`^You are not authorized to perform the requested action: ${rule}\\.$`)), code: 'OS_FORBIDDEN', godwit: 'GW_SITE_FORBIDDEN' }) as const;

export function identity(suite: Suite): void {
  describe('identity', () => {
    const tokenAnswer = { status: 201, body: projectToken, headers: { 'x-subject-token': /^\S{20,}$/, vary: /X-Auth-Token/ } };

    it('a password is exchanged for a token of a project, with roles and catalogue', async () => {
      const cloud = await suite.target.cloud('site1', 'godwit');
      const token = await answers(() => cloud.session.token(), tokenAnswer);
      expect(token).toMatchObject({ userName: 'godwit', projectName: 'vnf', projectDomainName: 'Default', systemScope: false });
      expect([...token.roles].sort()).toEqual(['admin', 'manager', 'member', 'reader']);
      expect(token.expiresAt.getTime() - (token.issuedAt?.getTime() ?? 0)).toBe(3_600_000);
      const types = new Set(token.catalog.map((entry) => entry.type));
      expect([...types]).toEqual(expect.arrayContaining(['identity', 'compute', 'network', 'image', 'placement', 'block-storage', 'volumev3']));
      for (const entry of token.catalog) expect(entry.endpoints.filter((e) => e.region_id === 'site1').map((e) => e.interface).sort(), entry.type).toEqual(['admin', 'internal', 'public']);
    });

    it('a wrong password, an unknown user, project or domain, and a project without a role are all the same 401', async () => {
      const { config } = await suite.cloud('tenant');
      const as = (auth: Partial<CloudConfig['auth']>): Promise<unknown> => suite.target.cloudOf({ ...config, auth: { ...config.auth, ...auth } }).session.token();
      await refuses(() => as({ password: 'wrong' }), unauthorized);
      await refuses(() => as({ username: 'nobody' }), unauthorized);
      await refuses(() => as({ projectName: 'nothing' }), unauthorized);
      await refuses(() => as({ projectName: 'other' }), unauthorized);
      await refuses(() => as({ userDomainName: 'nowhere' }), unauthorized);
    });

    it('without a scope the token has neither project nor catalogue, and lists the projects that there are to choose from', async () => {
      const { config } = await suite.cloud('tenant');
      const { projectName: _p, projectDomainName: _d, ...auth } = config.auth;
      const cloud = suite.target.cloudOf({ ...config, auth });
      const token = await answers(() => cloud.session.token(), { status: 201, body: unscopedToken });
      expect(token.projectId).toBeUndefined();
      const mine = await answers(() => cloud.identity.projects.mine(), { status: 200, body: projects });
      expect(mine.map((p) => p.name)).toEqual(['vnf']);
    });

    it('a token may be exchanged for another', async () => {
      const { config, session } = await suite.cloud('tenant');
      const { id, expiresAt } = await session.token();
      const cloud = suite.target.cloudOf({ ...config, auth: { authUrl: config.auth.authUrl, type: 'token', token: id, projectName: 'vnf', projectDomainName: 'Default' } });
      const token = await answers(() => cloud.session.token(), tokenAnswer);
      // It lives no longer than the first.
      expect(token.expiresAt).toEqual(expiresAt);
    });

    it('says its version without credentials', async () => {
      const cloud = await suite.cloud('service');
      expect(await answers(() => cloud.identity.ping(), { status: 200, body: version })).toEqual({ version: 'v3.14' });
    });

    it('tells a service user what a token stands for, and 404 of one that it does not know', async () => {
      const [service, tenant] = [await suite.cloud('service'), await suite.cloud('tenant')];
      const { id } = await tenant.session.token();
      const info = await answers(() => service.identity.validateToken(id), { status: 200, body: projectToken });
      expect(info).toMatchObject({ userName: 'tenant', projectName: 'vnf', roles: expect.arrayContaining(['member', 'reader']) as string[] });
      await answersUndefined(() => service.identity.validateToken('gibberish'));
      await answersUndefined(() => service.identity.validateToken(`${id.slice(0, 40)}AAAA${id.slice(44)}`));
    });

    /** The client takes 404 as the answer "no token of mine". */
    const answersUndefined = async (run: () => Promise<unknown>): Promise<void> => {
      expect(await answers(run, { status: 404, body: keystoneError(404, 'Not Found', /^(Could not recognize Fernet token|Failed to validate token|This is not a recognized Fernet token .*)$/) }).catch((error: unknown) => error)).toBeUndefined();
    };

    it('lets a user look at the own token, not at another\'s', async () => {
      const [tenant, auditor] = [await suite.cloud('tenant'), await suite.cloud('auditor')];
      await answers(async () => tenant.identity.validateToken((await tenant.session.token()).id), { status: 200, body: projectToken });
      const foreign = (await auditor.session.token()).id;
      await refuses(() => tenant.identity.validateToken(foreign), forbidden('identity:validate_token'));
    });

    it('lists domains and projects to whom its policy allows', async () => {
      const [service, tenant, godwit] = [await suite.cloud('service'), await suite.cloud('tenant'), await suite.cloud('godwit')];
      const list = await answers(() => service.identity.domains.list(), { status: 200, body: domains });
      expect(list.map((d) => d.name)).toContain('Default');
      await refuses(() => tenant.identity.domains.list(), forbidden('identity:list_domains'));
      const mine = await answers(() => godwit.identity.projects.mine(), { status: 200, body: projects });
      expect(mine.map((p) => p.name).sort()).toEqual(['service', 'vnf']);
    });

    it('refuses what is no token, no JSON, and no request', async () => {
      const cloud = await suite.cloud('tenant');
      const send = (method: 'GET' | 'POST', path: string, token: string, body?: string) => (url: string) => suite.target.send(method, `${url}${path}`, { 'x-auth-token': token, ...(body === undefined ? {} : { 'content-type': 'application/json' }) }, body);
      await raw(cloud, 'identity', send('GET', '/auth/projects', 'gibberish'), unauthorized);
      await raw(cloud, 'identity', send('POST', '/auth/tokens', '', '{"auth":'), { status: 400, body: keystoneError(400, 'Bad Request', /^Expecting to find valid JSON in request body\./) });
      await raw(cloud, 'identity', send('POST', '/auth/tokens', '', '{"auth":{"identity":{}}}'), { status: 400, body: keystoneError(400, 'Bad Request', /'methods' is a required property/) });
    });

    it('gives a connection that is warmed nothing to complain of', async () => {
      const cloud = await suite.target.cloud('site1', 'godwit');
      await cloud.session.warm(['volume', 'compute', 'network', 'image']);
      await cloud.close();
    });
  });
}
