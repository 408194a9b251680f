import { GodwitError } from '@godwit/sites';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fakeAgent } from '../test/fake-agents.ts';
import { makeWorld, spec, type TokenName, type World } from '../test/world.ts';

let world: World;
beforeEach(async () => (world = await makeWorld()));
afterEach(() => world.app.close());

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

async function call(who: TokenName | undefined, method: Method, url: string, body?: object) {
  const response = await world.app.inject({ method, url, headers: who ? { 'x-auth-token': `tok-${who}` } : {}, ...(body && { payload: body }) });
  const json: unknown = String(response.headers['content-type']).includes('json') ? response.json() : undefined;
  return { status: response.statusCode, headers: response.headers, text: response.body, json: json as Record<string, unknown> & { code?: string } };
}

/** A group of project vnf with one point and one finished job. */
async function populate() {
  world.agents.agents.set('k1', fakeAgent('k1'));
  const { json } = await call('member', 'POST', '/v1/groups', spec);
  const group = json['id'] as string;
  const point = '00000000-0000-4000-8000-000000000001';
  const made = '2026-01-02T03:04:05.000Z';
  world.protection.points.set(point, {
    id: point, groupId: group, groupName: 'vnf', epoch: 1, sequence: 1, state: 'Available', consistency: 'application',
    sourceSite: 'site1', recoverySite: 'site2', incremental: false, createdAt: made, volumes: [],
  });
  const job = (await call('member', 'POST', '/v1/groups/vnf/protect')).json['jobId'] as string;
  return { group, point, job };
}

const routes = (x: { point: string; job: string }): [Level: 'reader' | 'member' | 'admin', Method, string, object | undefined, number][] => [
  ['reader', 'GET', '/v1/sites', undefined, 200],
  ['reader', 'GET', '/v1/sites/site1', undefined, 200],
  ['admin', 'POST', '/v1/sites/site1/check', undefined, 200],
  ['reader', 'GET', '/v1/groups', undefined, 200],
  ['member', 'POST', '/v1/groups', { ...spec, name: 'second' }, 201],
  ['reader', 'GET', '/v1/groups/vnf', undefined, 200],
  ['member', 'PATCH', '/v1/groups/vnf', { policy: { method: 'server-image', backupZone: null } }, 200],
  ['member', 'GET', '/v1/groups/vnf/advice', undefined, 200],
  ['member', 'POST', '/v1/groups/vnf/protect', { dryRun: true }, 200],
  ['member', 'POST', '/v1/groups/vnf/protect', undefined, 202],
  ['reader', 'GET', '/v1/groups/vnf/recovery-points', undefined, 200],
  ['reader', 'GET', `/v1/recovery-points/${x.point}`, undefined, 200],
  ['member', 'POST', `/v1/recovery-points/${x.point}/verify`, undefined, 200],
  ['member', 'POST', `/v1/recovery-points/${x.point}/verify`, { restore: true }, 202],
  ['member', 'POST', '/v1/groups/vnf/resync', {}, 202],
  ['member', 'POST', '/v1/groups/vnf/recover', { to: 'site2', dryRun: true }, 200],
  ['member', 'POST', '/v1/groups/vnf/recover', { to: 'site2', point: x.point }, 202],
  ['member', 'POST', '/v1/catalog/rebuild', { site: 'site2' }, 200],
  ['member', 'POST', '/v1/sites/site1/servers/vm1/quiesce', undefined, 200],
  ['member', 'POST', '/v1/sites/site1/servers/vm1/unquiesce', undefined, 200],
  ['reader', 'GET', '/v1/jobs', undefined, 200],
  ['reader', 'GET', `/v1/jobs/${x.job}`, undefined, 200],
  ['reader', 'GET', `/v1/jobs/${x.job}/events?follow=false`, undefined, 200],
  ['reader', 'GET', '/v1/events?follow=false', undefined, 200],
  ['member', 'POST', `/v1/jobs/${x.job}/cancel`, undefined, 202],
  ['member', 'DELETE', '/v1/groups/vnf?purge=true', undefined, 202],
  ['admin', 'GET', '/v1/agents', undefined, 200],
  ['admin', 'GET', '/v1/agents/k1', undefined, 200],
  ['admin', 'POST', '/v1/agent-tokens', { name: 'k2', site: 'site1', role: 'keystone' }, 201],
  ['admin', 'POST', '/v1/agents/k1/revoke', undefined, 200],
  ['admin', 'DELETE', '/v1/agents/k1', undefined, 204],
  ['reader', 'GET', '/v1/identity', undefined, 200],
  ['reader', 'POST', '/v1/identity/probe', undefined, 200],
  ['admin', 'POST', '/v1/identity/sites/site1/revocation', undefined, 200],
  ['admin', 'POST', '/v1/identity/adopt', undefined, 202],
  ['admin', 'POST', '/v1/identity/rotate', { kind: 'credential', dryRun: true }, 200],
  ['admin', 'POST', '/v1/identity/rotate', undefined, 202],
  ['admin', 'POST', '/v1/identity/nodes/k1/restore', undefined, 202],
  ['admin', 'POST', '/v1/identity/nodes/k1/repoint', { to: 'site1', seed: true }, 202],
  ['admin', 'POST', '/v1/identity/sites/site1/join', { dryRun: true }, 200],
  ['admin', 'POST', '/v1/identity/sites/site1/join', undefined, 202],
  ['admin', 'POST', '/v1/identity/sites/site1/leave', { dryRun: true, lost: true }, 200],
  ['admin', 'POST', '/v1/identity/sites/site1/leave', { lost: true }, 202],
  ['admin', 'GET', '/v1/identity/sites/site1/render/haproxy', undefined, 200],
  ['admin', 'POST', '/v1/identity/sites/site1/check', undefined, 200],
];

describe('who may do what', () => {
  it.each(['reader', 'member', 'admin', 'system'] as const)('%s', async (who) => {
    for (const [need, method, url, body, status] of routes(await populate())) {
      const have = who === 'system' ? 'admin' : who;
      const allowed = ['reader', 'member', 'admin'].indexOf(have) >= ['reader', 'member', 'admin'].indexOf(need);
      const answer = await call(who, method, url, body);
      expect([who, method, url, answer.status, answer.json?.code]).toEqual([who, method, url, allowed ? status : 403, allowed ? answer.json?.code : 'GW_ROLE_REQUIRED']);
      if (!allowed) expect(answer.text).toContain(need);
    }
  });

  it('covers every route that the server has', async () => {
    const { json } = await call(undefined, 'GET', '/openapi.json');
    const documented = Object.entries(json['paths'] as Record<string, object>).flatMap(([path, verbs]) => Object.keys(verbs).map((v) => `${v.toUpperCase()} ${path}`));
    const pattern = (url: string): string => (url.split('?')[0] ?? '').replace(/site1/, '{site}').replace(/vm1/, '{server}').replace('agents/k1', 'agents/{agent}').replace(/k1/, '{node}').replace('render/haproxy', 'render/{what}').replace('groups/vnf', 'groups/{group}').replace('/P', '/{point}').replace('/J', '/{job}');
    const tried = routes({ point: 'P', job: 'J' }).map(([, method, url]) => `${method} ${pattern(url)}`);
    const open = ['/healthz', '/readyz', '/metrics', '/v1/version'].map((p) => `GET ${p}`);
    expect([...new Set([...tried, ...open])].sort()).toEqual(documented.sort());
  });

  it.each([
    [undefined, 401, 'GW_TOKEN_MISSING'],
    ['norole', 403, 'GW_ROLE_REQUIRED'],
    ['unscoped', 403, 'GW_NO_PROJECT'],
    ['domain', 403, 'GW_NO_PROJECT'],
  ] as const)('%s gets nothing', async (who, status, code) => {
    const before = await populate();
    for (const [, method, url, body] of routes(before)) expect(await call(who, method, url, body)).toMatchObject({ status, json: { code } });
    expect(world.protection.groups.size).toBe(1);
  });

  it('an unknown token is refused', async () => {
    const answer = await world.app.inject({ url: '/v1/groups', headers: { 'x-auth-token': 'foreign' } });
    expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([401, 'GW_TOKEN_INVALID']);
  });

  it('a token is checked before anything of the body', async () => {
    const answer = await world.app.inject({ method: 'POST', url: '/v1/groups', headers: { 'content-type': 'application/json' }, payload: '{broken' });
    expect(answer.statusCode).toBe(401);
  });

  it('groups come in pages, by name', async () => {
    for (const name of ['b', 'c', 'a']) await call('member', 'POST', '/v1/groups', { ...spec, name });
    const names = (json: unknown): string[] => (json as { groups: { name: string }[] }).groups.map((g) => g.name);
    const first = (await call('member', 'GET', '/v1/groups?limit=2')).json as { next?: string };
    expect(names(first)).toEqual(['a', 'b']);
    const second = (await call('member', 'GET', `/v1/groups?limit=2&after=${first.next ?? ''}`)).json;
    expect(names(second)).toEqual(['c']);
    expect(second).not.toHaveProperty('next');
    expect((await call('member', 'GET', '/v1/groups?limit=0')).status).toBe(400);
    expect((await call('member', 'GET', '/v1/groups?after=x')).status).toBe(400);
  });

  it('other projects’ groups, points and jobs are as unknown as none', async () => {
    const { point, job } = await populate();
    expect((await call('stranger', 'GET', '/v1/groups')).json).toEqual({ groups: [] });
    expect((await call('stranger', 'GET', '/v1/jobs')).json).toEqual({ jobs: [] });
    expect((await call('stranger', 'GET', '/v1/events?follow=false')).json).toEqual({ events: [] });
    for (const [method, url, code] of [
      ['GET', '/v1/groups/vnf', 'GW_GROUP_UNKNOWN'],
      ['POST', '/v1/groups/vnf/protect', 'GW_GROUP_UNKNOWN'],
      ['DELETE', '/v1/groups/vnf', 'GW_GROUP_UNKNOWN'],
      ['GET', `/v1/recovery-points/${point}`, 'GW_POINT_UNKNOWN'],
      ['GET', `/v1/jobs/${job}`, 'GW_JOB_UNKNOWN'],
      ['POST', `/v1/jobs/${job}/cancel`, 'GW_JOB_UNKNOWN'],
      ['GET', `/v1/jobs/${job}/events`, 'GW_JOB_UNKNOWN'],
      ['GET', '/v1/jobs?group=vnf', 'GW_GROUP_UNKNOWN'],
    ] as const) {
      expect([url, await call('stranger', method, url)]).toMatchObject([url, { status: 404, json: { code } }]);
    }
    expect((await call('admin', 'GET', '/v1/jobs')).json['jobs']).toHaveLength(1);
  });

  it('roles may be called otherwise, in any case', async () => {
    const renamed = await makeWorld({ roles: { admin: ['cloud-admin'], member: ['LOAD-balancer_member'], reader: ['auditor'] } });
    const answer = await renamed.app.inject({ method: 'POST', url: '/v1/groups', headers: { 'x-auth-token': 'tok-norole' }, payload: spec });
    expect(answer.statusCode).toBe(201);
    expect((await renamed.app.inject({ url: '/v1/groups', headers: { 'x-auth-token': 'tok-admin' } })).statusCode).toBe(403);
    await renamed.app.close();
  });
});

describe('requests', () => {
  it('names every path that is wrong', async () => {
    const answer = await call('member', 'POST', '/v1/groups', { name: 'no spaces', site: 'site1', recoverySite: 'site2', members: [], policy: { retain: 0 }, extra: 1 });
    expect(answer).toMatchObject({ status: 400, json: { code: 'GW_INVALID_REQUEST', kind: 'terminal' } });
    for (const path of ['name', 'members', 'policy.retain', 'extra']) expect(answer.json['message']).toContain(path);
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(world.protection.groups.size).toBe(0);
  });

  it.each([
    ['/v1/sites/site1/servers/vm1/quiesce', { limitSeconds: 301 }],
    ['/v1/sites/site1/servers/vm1/quiesce', { limitSeconds: 0 }],
    ['/v1/groups/vnf/recover', {}],
    ['/v1/groups/vnf/recover', { to: 'site2', dryrun: true }],
    ['/v1/catalog/rebuild', undefined],
  ])('refuses %s %j', async (url, body) => {
    expect(await call('member', 'POST', url, body)).toMatchObject({ status: 400, json: { code: 'GW_INVALID_REQUEST' } });
  });

  it.each(['/v1/jobs?state=sleeping', '/v1/jobs?limit=0', '/v1/jobs?colour=red', '/v1/events?follow=maybe'])('refuses %s', async (url) => {
    expect(await call('member', 'GET', url)).toMatchObject({ status: 400, json: { code: 'GW_INVALID_REQUEST' } });
  });

  it('a freeze is limited to 30 s unless asked otherwise', async () => {
    await call('member', 'POST', '/v1/sites/site1/servers/vm1/quiesce');
    await call('member', 'POST', '/v1/sites/site1/servers/vm1/quiesce', { limitSeconds: 300 });
    expect(world.protection.calls.map((c) => c[4])).toEqual([{ limitSeconds: 30 }, { limitSeconds: 300 }]);
  });

  it.each([
    ['{broken', 'application/json', 400],
    ['a=b', 'application/x-www-form-urlencoded', 415],
    [JSON.stringify({ name: 'x'.repeat(300_000) }), 'application/json', 413],
    ['{"__proto__": {"admin": true}}', 'application/json', 400],
  ])('refuses a bad body', async (payload, type, status) => {
    const answer = await world.app.inject({ method: 'POST', url: '/v1/groups', headers: { 'x-auth-token': 'tok-member', 'content-type': type }, payload });
    expect(answer.statusCode).toBe(status);
    expect(answer.json<{ code: string }>().code).toBe(status === 413 ? 'GW_TOO_LARGE' : 'GW_INVALID_REQUEST');
  });

  it.each(['/', '/v1/nothing', '/v1/groups/a/b/c'])('says that there is no %s', async (url) => {
    expect(await call(undefined, 'GET', url)).toMatchObject({ status: 404, json: { code: 'GW_NOT_FOUND' } });
  });

  it.each([
    ['POST', '/v1/groups/a%00b/protect', undefined, 'path.group'],
    ['GET', '/v1/jobs?key=a%00b', undefined, 'query.key'],
    ['POST', '/v1/groups', { ...spec, members: [{ servers: ['a\u0000b'] }] }, 'body.members.0.servers.0'],
  ] as const)('refuses U+0000 in %s %s', async (method, url, body, path) => {
    const answer = await call('member', method, url, body);
    expect(answer).toMatchObject({ status: 400, json: { code: 'GW_INVALID_REQUEST' } });
    expect(answer.json['message']).toContain(path);
  });

  it('answers a malformed path with a problem', async () => {
    expect(await call('member', 'GET', '/v1/groups/%zz')).toMatchObject({ status: 400, json: { code: 'GW_INVALID_REQUEST' } });
  });

  it('carries a caller’s request id through, and makes one otherwise', async () => {
    const given = await world.app.inject({ url: '/v1/groups', headers: { 'x-request-id': 'mine-1' } });
    expect(given.headers['x-request-id']).toBe('mine-1');
    expect(given.json<{ instance: string }>().instance).toBe('mine-1');
    const forged = await world.app.inject({ url: '/healthz', headers: { 'x-request-id': 'a b\tc' } });
    expect(forged.headers['x-request-id']).toMatch(/^req-[0-9a-f-]{36}$/);
  });

  it('unknown sites are named with the known', async () => {
    for (const [method, url, body] of [['GET', '/v1/sites/mars'], ['POST', '/v1/catalog/rebuild', { site: 'mars' }], ['POST', '/v1/sites/mars/servers/vm1/quiesce']] as const) {
      const answer = await call('member', method, url, body);
      expect(answer).toMatchObject({ status: 404, json: { code: 'GW_SITE_UNKNOWN', site: 'mars' } });
      expect(answer.json['action']).toContain('site1, site2');
    }
  });
});

describe('errors', () => {
  it('carry all that is known of them', async () => {
    world.protection.failure = new GodwitError('GW_SITE_UNREACHABLE', 'retryable', 'site1: no answer', { site: 'site1', resource: 'compute', requestId: 'req-os', action: 'Look.', details: { a: 1 } });
    const { status, json, headers } = await call('member', 'GET', '/v1/groups');
    expect([status, headers['retry-after']]).toEqual([503, '5']);
    expect(json).toEqual({
      type: 'urn:godwit:error:GW_SITE_UNREACHABLE', title: 'Not available now', status: 503, code: 'GW_SITE_UNREACHABLE', kind: 'retryable',
      message: 'site1: no answer', instance: headers['x-request-id'], site: 'site1', resource: 'compute', action: 'Look.', requestId: 'req-os', details: { a: 1 },
    });
  });

  it('a terminal one without a status of its own is 409', async () => {
    world.protection.failure = new GodwitError('GW_GROUP_BUSY', 'terminal', 'busy');
    expect((await call('member', 'GET', '/v1/groups')).status).toBe(409);
  });

  it('an OpenStack error that slipped through is translated', async () => {
    world.protection.failure = Object.assign(new Error('quota exceeded'), { code: 'OS_OVER_LIMIT', kind: 'terminal', requestId: 'req-q' });
    expect((await call('member', 'GET', '/v1/groups')).json).toMatchObject({ code: 'GW_QUOTA', requestId: 'req-q' });
  });

  it('an unexpected one shows nothing of itself, and is found in the log by its id', async () => {
    world.protection.failure = new Error('password=hunter2 at /srv/godwit/x.ts:1');
    const { status, json, text } = await call('member', 'GET', '/v1/groups');
    expect([status, json.code]).toEqual([500, 'GW_INTERNAL']);
    expect(text).not.toMatch(/hunter2|srv|stack/);
    expect(text).toContain(json['instance']);
    expect(world.logged().split('\n').some((line) => line.includes(String(json['instance'])) && line.includes('hunter2'))).toBe(true);
  });

  it('an answer that is not as described fails in tests, and is only reported in production', async () => {
    await populate();
    for (const group of world.protection.groups.values()) Object.assign(group, { state: 'Odd' });
    expect((await call('member', 'GET', '/v1/groups/vnf')).json.code).toBe('GW_INTERNAL');
    const lenient = await makeWorld({ strictAnswers: false });
    for (const group of world.protection.groups.values()) lenient.protection.groups.set(group.id, group);
    const answer = await lenient.app.inject({ url: '/v1/groups/vnf', headers: { 'x-auth-token': 'tok-member' } });
    expect([answer.statusCode, answer.json<{ state: string }>().state]).toEqual([200, 'Odd']);
    expect(lenient.logged()).toContain('does not match its schema');
    await lenient.app.close();
  });
});

describe('jobs', () => {
  it('are listed by state and group, without their inputs', async () => {
    const { job, group } = await populate();
    world.jobs.update(job, { state: 'running', progress: [{ phase: 'quiescing', item: 'vm1' }], steps: [{ name: 'quiesce', state: 'running', attempts: 1, startedAt: '2026-01-02T03:04:05.000Z' }] });
    for (const query of ['', '?state=queued,running', '?group=vnf', `?group=${group}`]) expect((await call('reader', 'GET', `/v1/jobs${query}`)).json['jobs']).toMatchObject([{ id: job, state: 'running' }]);
    expect((await call('reader', 'GET', '/v1/jobs?state=failed')).json['jobs']).toEqual([]);
    const shown = await call('reader', 'GET', `/v1/jobs/${job}`);
    expect(shown.json).toMatchObject({ progress: [{ phase: 'quiescing' }], steps: [{ name: 'quiesce' }] });
    expect(shown.text).not.toContain('workflow-private');
  });

  it('cannot be cancelled after their end', async () => {
    const { job } = await populate();
    expect(await call('member', 'POST', `/v1/jobs/${job}/cancel`)).toMatchObject({ status: 202, json: { state: 'cancelling' } });
    world.jobs.update(job, { state: 'cancelled' });
    expect(await call('member', 'POST', `/v1/jobs/${job}/cancel`)).toMatchObject({ status: 409, json: { code: 'GW_JOB_ENDED' } });
  });

  it('are where the answer says', async () => {
    await populate();
    const answer = await call('member', 'POST', '/v1/groups/vnf/protect');
    expect((await call('member', 'GET', String(answer.headers['location']))).json['id']).toBe(answer.json['jobId']);
  });
});

describe('process', () => {
  it('health, readiness and version need no token', async () => {
    expect((await call(undefined, 'GET', '/healthz')).json).toEqual({ ok: true });
    expect((await call(undefined, 'GET', '/readyz')).json).toEqual({ ready: true });
    expect((await call(undefined, 'GET', '/v1/version')).json).toEqual({ version: '1.2.3', api: 'v1' });
    world.jobs.broken = true;
    expect(await call(undefined, 'GET', '/readyz')).toMatchObject({ status: 503, json: { code: 'GW_NOT_READY' } });
    expect((await call(undefined, 'GET', '/healthz')).status).toBe(200);
  });

  it('metrics count by route, not by path', async () => {
    world.sites.setHealth('site2', 'down');
    await call('member', 'GET', '/v1/groups/secret-name');
    await call(undefined, 'GET', '/v1/groups');
    const { text } = await call(undefined, 'GET', '/metrics');
    expect(text).toContain('godwit_http_request_seconds_count{method="GET",route="/v1/groups/:group",status="404"} 1');
    expect(text).toContain('godwit_site_up{site="site1"} 1');
    expect(text).toContain('godwit_site_up{site="site2"} 0');
    expect(text).toContain('godwit_auth_refused_total{status="401"} 1');
    expect(text).not.toContain('secret-name');
  });

  it('no token is ever logged', async () => {
    await populate();
    await call('stranger', 'GET', '/v1/groups/vnf');
    await world.app.inject({ url: '/v1/groups', headers: { 'x-auth-token': 'tok-foreign-secret' } });
    expect(world.logged()).toContain('"path":"/v1/groups"');
    expect(world.logged()).not.toContain('tok-');
  });

  it('a route that does not say who may use it is refused', () => {
    expect(() => world.app.get('/v1/forgotten', () => ({}))).toThrow('does not say who may use it');
  });
});

describe('OpenAPI document', () => {
  it('is 3.1, resolves its references, and describes each route with its errors', async () => {
    const { json } = await call(undefined, 'GET', '/openapi.json');
    expect(json['openapi']).toBe('3.1.0');
    const document = json as unknown as { paths: Record<string, Record<string, { summary?: string; security?: unknown; responses: Record<string, { content?: object }> }>>; components: { schemas: Record<string, unknown> } };
    for (const [, ref] of JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)) {
      expect(ref).toMatch(/^#\/components\/schemas\/\w+$/);
      expect(Object.keys(document.components.schemas)).toContain(ref?.split('/').at(-1));
    }
    for (const [path, verbs] of Object.entries(document.paths)) {
      for (const operation of Object.values(verbs)) {
        expect([path, operation.summary]).toEqual([path, expect.stringMatching(/./)]);
        expect(Object.keys(operation.responses['default']?.content ?? {})).toEqual(['application/problem+json']);
        expect(operation.security === undefined).toBe(['/healthz', '/readyz', '/metrics', '/v1/version'].includes(path));
      }
    }
  });
});
