import { describe, expect, it } from 'vitest';
import { cloud, emulate } from './harness.ts';

describe('Keystone', () => {
  it('issues a token with the site’s own catalogue, and tells a service what another’s token stands for', async () => {
    const emulator = await emulate();
    const tenant = cloud(emulator, 'site1');
    const token = await tenant.session.token();
    expect(token).toMatchObject({ userName: 'tenant', projectName: 'vnf', roles: expect.arrayContaining(['member', 'reader']) as unknown });
    expect(token.catalog.find((e) => e.type === 'identity')?.endpoints[0]?.url).toBe(`${emulator.url}/site1/identity/v3`);
    const known = await cloud(emulator, 'site1-admin').identity.validateToken(token.id);
    expect(known).toMatchObject({ userId: token.userId, projectId: token.projectId });
    // Sites have Keystones of their own.
    expect(await cloud(emulator, 'site2-admin').identity.validateToken(token.id)).toBeUndefined();
    await expect(cloud(emulator, 'site1-stranger').identity.validateToken(token.id)).rejects.toMatchObject({ code: 'OS_FORBIDDEN' });
  });

  it('refuses a wrong password, and a project in which the user has no role', async () => {
    const emulator = await emulate();
    const { auth } = emulator.clouds()['site1'] ?? { auth: undefined };
    const ask = (password: string | undefined, project: string): Promise<Response> =>
      fetch(`${auth?.auth_url ?? ''}/auth/tokens`, {
        method: 'POST',
        body: JSON.stringify({ auth: { identity: { methods: ['password'], password: { user: { name: 'tenant', domain: { id: 'default' }, password } } }, scope: { project: { name: project, domain: { id: 'default' } } } } }),
      });
    expect((await ask(auth?.password, 'vnf')).status).toBe(201);
    const wrong = await ask('wrong', 'vnf');
    expect(wrong.status).toBe(401);
    expect(await wrong.json()).toEqual({ error: { code: 401, message: 'The request you have made requires authentication.', title: 'Unauthorized' } });
    expect((await ask(auth?.password, 'other')).status).toBe(401);
  });

  it('forgets a user’s tokens when the role, the user or the token goes', async () => {
    const emulator = await emulate();
    const admin = cloud(emulator, 'site1-admin').identity;
    const member = (await admin.roles.find('member'))?.id ?? '';
    const vnf = (await admin.projects.find('vnf'))?.id ?? '';
    const user = await admin.users.create({ name: 'guest', domain_id: 'default', password: 'p' });
    await admin.assignments.grant({ projectId: vnf, userId: user.id, roleId: member });
    const issue = async (): Promise<string> => {
      const answer = await fetch(`${emulator.url}/site1/identity/v3/auth/tokens`, { method: 'POST', body: JSON.stringify({ auth: { identity: { methods: ['password'], password: { user: { id: user.id, password: 'p' } } }, scope: { project: { id: vnf } } } }) });
      return answer.headers.get('x-subject-token') ?? '';
    };
    const first = await issue();
    expect(await admin.validateToken(first)).toMatchObject({ userName: 'guest' });
    await fetch(`${emulator.url}/site1/identity/v3/auth/tokens`, { method: 'DELETE', headers: { 'x-auth-token': first, 'x-subject-token': first } });
    expect(await admin.validateToken(first)).toBeUndefined();
    const second = await issue();
    await admin.users.update(user.id, { enabled: false });
    expect(await admin.validateToken(second)).toBeUndefined();
    await admin.users.update(user.id, { enabled: true });
    const third = await issue();
    await admin.assignments.revoke({ projectId: vnf, userId: user.id, roleId: member });
    expect(await admin.validateToken(third)).toBeUndefined();
  });

  it('lets an application credential log in to its own project, with its own roles, until it is deleted', async () => {
    const emulator = await emulate();
    const tenant = cloud(emulator, 'site1').identity;
    const { userId } = await cloud(emulator, 'site1').session.token();
    const credential = await tenant.applicationCredentials.create(userId, { name: 'robot', roles: [{ name: 'reader' }] });
    const logIn = (): Promise<Response> => fetch(`${emulator.url}/site1/identity/v3/auth/tokens`, { method: 'POST', body: JSON.stringify({ auth: { identity: { methods: ['application_credential'], application_credential: { id: credential.id, secret: credential.secret } } } }) });
    const answer = await logIn();
    expect(await answer.json()).toMatchObject({ token: { project: { name: 'vnf' }, roles: [{ name: 'reader' }], methods: ['application_credential'] } });
    await tenant.applicationCredentials.delete(userId, credential.id);
    expect((await logIn()).status).toBe(401);
  });

  it('keeps administration to administrators, and answers each error in Keystone’s own form', async () => {
    const emulator = await emulate();
    await expect(cloud(emulator, 'site1').identity.users.list()).rejects.toMatchObject({ code: 'OS_FORBIDDEN', message: expect.stringContaining('identity:list_users') as unknown });
    const admin = cloud(emulator, 'site1-admin').identity;
    expect((await admin.users.list({ name: 'tenant' })).map((u) => u.name)).toEqual(['tenant']);
    expect(await admin.users.find('nobody')).toBeUndefined();
    await expect(admin.users.create({ name: 'tenant', domain_id: 'default' })).rejects.toMatchObject({ code: 'OS_CONFLICT' });
    await expect(admin.projects.get('nowhere')).rejects.toMatchObject({ code: 'OS_NOT_FOUND', requestId: expect.stringMatching(/^req-/) as unknown });
  });
});
