import { describe, expect, it } from 'vitest';
import { openLab } from '../../src/index.ts';
import { ask, login, loginOf, nodeAddress, nodesOf, siteAddress, tryLogin, validate } from '../../src/harness/index.ts';

describe('one identity over all sites', () => {
  const lab = openLab();
  const sites = ['m1', 'm2', 's3', 's4'];

  it('a token of any node is valid at every other, and at every site', async () => {
    const nodes = nodesOf(lab).map(nodeAddress);
    expect(nodes.map((n) => n.name)).toEqual(['m1-1', 'm2-1', 's3-1', 's3-2', 's4-1', 's4-2']);
    const everywhere = [...nodes, ...sites.map((s) => siteAddress(lab, s))];
    for (const from of everywhere) {
      const token = await login(from, loginOf(lab, 's3'));
      for (const at of everywhere) expect([from.name, at.name, await validate(at, token)]).toEqual([from.name, at.name, 200]);
    }
  });

  it('a wrong password is refused at a replica with 401, and a login of a user that was never seen there before succeeds', async () => {
    const who = loginOf(lab, 's3');
    for (const node of nodesOf(lab).map(nodeAddress)) expect([node.name, (await tryLogin(node, { ...who, password: 'wrong' })).status]).toEqual([node.name, 401]);
    // As on a user's first day: Keystone notes it, at a server that refuses every other write.
    await lab.exec('m1', ['mariadb', '--no-defaults', '--socket=/run/mariadb-1/mariadbd.sock', '-e', "UPDATE keystone.user SET last_active_at = '2020-01-01'"]);
    for (const node of nodesOf(lab).map(nodeAddress)) expect([node.name, (await tryLogin(node, who)).status]).toEqual([node.name, 201]);
  });

  it('a real service validates at home', async () => {
    const s3 = lab.sites.find((s) => s.name === 's3');
    const token = await login(siteAddress(lab, 'm1'), loginOf(lab, 's3'));
    const nova = { name: 'nova', host: s3?.ip ?? '', port: 8774 };
    const cinder = { name: 'cinder', host: s3?.ip ?? '', port: 8776 };
    expect((await ask(nova, 'GET', '/v2.1/servers', { token })).status).toBe(200);
    const project = (JSON.parse((await ask(siteAddress(lab, 's3'), 'GET', '/v3/auth/tokens', { token, subject: token })).body) as { token: { project: { id: string } } }).token.project.id;
    expect((await ask(cinder, 'GET', `/v3/${project}/volumes`, { token })).status).toBe(200);
    expect((await ask(nova, 'GET', '/v2.1/servers', { token: 'gAAAAAB-no-token' })).status).toBe(401);
  });
});
