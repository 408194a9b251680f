import { describe, expect, it } from 'vitest';
import { isOpenStackError, type OpenStackError } from '../errors.ts';
import { manualClock, useStub, volume } from '../testing/use-stub.ts';

const MINUTE = 60_000;
const failure = (promise: Promise<unknown>): Promise<OpenStackError> => promise.then(() => expect.unreachable('it should have failed'), (error: unknown) => error as OpenStackError);

describe('a token', () => {
  it('is asked for once by many callers', async () => {
    const stub = await useStub();
    const cloud = stub.cloud();
    const tokens = await Promise.all([1, 2, 3, 4].map(() => cloud.session.token()));
    expect(new Set(tokens.map((token) => token.id))).toEqual(new Set(['token-1']));
    expect(stub.tokensIssued()).toBe(1);
    expect(tokens[0]).toMatchObject({ userId: 'user1', userName: 'demo', projectId: 'p1', projectName: 'demo', projectDomainName: 'Default', roles: ['member'] });
  });

  it('is renewed five minutes before it expires', async () => {
    const clock = manualClock();
    const stub = await useStub({ now: clock.now });
    const cloud = stub.cloud({ clock });
    await cloud.session.token();
    clock.advance(54 * MINUTE);
    expect((await cloud.session.token()).id).toBe('token-1');
    clock.advance(2 * MINUTE);
    expect((await cloud.session.token()).id).toBe('token-2');
  });

  it('of a short life is renewed after nine tenths of it', async () => {
    const clock = manualClock();
    const stub = await useStub({ now: clock.now, tokenLife: 60 });
    const cloud = stub.cloud({ clock });
    await cloud.session.token();
    clock.advance(53_000);
    expect((await cloud.session.token()).id).toBe('token-1');
    clock.advance(2_000);
    expect((await cloud.session.token()).id).toBe('token-2');
  });

  it.each([-7200, 7200])('lives as long as it should when Keystone\'s clock is %d s off', async (skew) => {
    const clock = manualClock();
    const stub = await useStub({ now: clock.now, skew });
    const cloud = stub.cloud({ clock });
    await cloud.session.token();
    clock.advance(50 * MINUTE);
    expect((await cloud.session.token()).id).toBe('token-1');
    clock.advance(6 * MINUTE);
    expect((await cloud.session.token()).id).toBe('token-2');
  });

  it('serves on until it expires while Keystone is away', async () => {
    const clock = manualClock();
    const stub = await useStub({ now: clock.now });
    const cloud = stub.cloud({ clock });
    await cloud.session.token();
    stub.on('POST /identity', () => ({ status: 503 }));
    clock.advance(56 * MINUTE);
    expect((await cloud.session.token()).id).toBe('token-1');
    const asked = stub.count('POST /identity');
    expect((await cloud.session.token()).id).toBe('token-1');
    expect(stub.count('POST /identity')).toBe(asked);
    clock.advance(5 * MINUTE);
    expect(await failure(cloud.session.token())).toMatchObject({ code: 'OS_UNAVAILABLE', kind: 'retryable', service: 'identity' });
  });

  it('that a caller stops waiting for still comes for the others', async () => {
    const stub = await useStub();
    let answer = (): void => {};
    const held = new Promise<void>((resolve) => (answer = resolve));
    stub.on('POST /identity', async () => void (await held));
    const cloud = stub.cloud();
    const abort = new AbortController();
    const impatient = failure(cloud.session.token({ signal: abort.signal }));
    const patient = cloud.session.token();
    abort.abort(new Error('enough'));
    expect((await impatient).message).toBe('enough');
    answer();
    expect((await patient).id).toBe('token-1');
    expect(stub.tokensIssued()).toBe(1);
  });

  it('that is refused is replaced once, also for a POST', async () => {
    const stub = await useStub();
    stub.on('POST /volume/v3/p1/volumes', (seen) => (seen.headers['x-auth-token'] === 'token-1' ? { status: 401 } : { status: 202, json: { volume: volume('v1') } }));
    const made = await stub.cloud().volume.volumes.create({ size: 1 });
    expect(made.id).toBe('v1');
    expect(stub.tokensIssued()).toBe(2);
    expect(stub.count('POST /volume')).toBe(2);
  });

  it('that is refused anew is an error that points at Keystone', async () => {
    const stub = await useStub();
    stub.on('GET /volume/v3/p1/volumes', () => ({ status: 401, headers: { 'x-openstack-request-id': 'req-7' } }));
    const error = await failure(stub.cloud().volume.volumes.get('v1'));
    expect(error).toMatchObject({ code: 'OS_UNAUTHORIZED', kind: 'terminal', status: 401, service: 'volume', requestId: 'req-7' });
    expect(stub.count('GET /volume/v3/p1/volumes')).toBe(2);
  });

  it('is not given for a wrong password, and is asked for once', async () => {
    const stub = await useStub();
    const config = stub.config();
    const cloud = stub.cloud({}, { auth: { ...config.auth, password: 'wrong-one' } });
    const error = await failure(cloud.volume.volumes.list());
    expect(error).toMatchObject({ code: 'OS_UNAUTHORIZED', kind: 'terminal', service: 'identity', requestId: 'req-auth' });
    expect(stub.count('POST /identity')).toBe(1);
  });

  it('is refused when it is dead on arrival', async () => {
    const stub = await useStub({ tokenLife: -1 });
    expect(await failure(stub.cloud().session.token())).toMatchObject({ code: 'OS_BAD_RESPONSE', kind: 'retryable' });
  });

  it('is not expected from something that is no Keystone', async () => {
    const stub = await useStub();
    stub.on('POST /identity', () => ({ text: '<html>welcome</html>' }));
    expect((await failure(stub.cloud().session.token())).message).toContain('Is auth_url a Keystone?');
  });
});

describe('what is sent to Keystone', () => {
  const sent = async (auth: Record<string, unknown>): Promise<unknown> => {
    const stub = await useStub();
    const config = stub.config();
    await stub.cloud({}, { auth: { authUrl: config.auth.authUrl, type: 'password', ...auth } as typeof config.auth }).session.token();
    return JSON.parse(stub.requests[0]?.body ?? '{}').auth;
  };

  it('for a password and a project by name', async () => {
    expect(await sent({ username: 'u', userDomainName: 'D', password: 's3cret-Passw0rd', projectName: 'p', projectDomainId: 'd' })).toEqual({
      identity: { methods: ['password'], password: { user: { name: 'u', domain: { name: 'D' }, password: 's3cret-Passw0rd' } } },
      scope: { project: { name: 'p', domain: { id: 'd' } } },
    });
  });
  it('for a token and a project by id', async () => {
    expect(await sent({ type: 'token', token: 't', projectId: 'p' })).toEqual({ identity: { methods: ['token'], token: { id: 't' } }, scope: { project: { id: 'p' } } });
  });
  it('for the system', async () => {
    expect(await sent({ userId: 'u', password: 's3cret-Passw0rd', systemScope: 'all' })).toMatchObject({ identity: { password: { user: { id: 'u' } } }, scope: { system: { all: true } } });
  });
  it('for an application credential, which has its scope in it', async () => {
    expect(await sent({ type: 'v3applicationcredential', applicationCredentialId: 'i', applicationCredentialSecret: 's', projectId: 'p' })).toEqual({
      identity: { methods: ['application_credential'], application_credential: { id: 'i', secret: 's' } },
    });
  });
  it('for an application credential by name', async () => {
    expect(await sent({ type: 'v3applicationcredential', applicationCredentialName: 'n', applicationCredentialSecret: 's', username: 'u', userDomainId: 'default' })).toEqual({
      identity: { methods: ['application_credential'], application_credential: { name: 'n', secret: 's', user: { name: 'u', domain: { id: 'default' } } } },
    });
  });
});

describe('endpoints', () => {
  it('come from the catalogue, each with the version we speak', async () => {
    const stub = await useStub();
    const { session } = stub.cloud();
    expect(await session.endpoint('volume')).toBe(`${stub.url}/volume/v3/p1`);
    expect(await session.endpoint('image')).toBe(`${stub.url}/image/v2`);
    expect(await session.endpoint('network')).toBe(`${stub.url}/network/v2.0`);
    expect(await session.endpoint('identity')).toBe(`${stub.url}/identity/v3`);
  });
  it('may be overridden', async () => {
    const stub = await useStub();
    expect(await stub.cloud({}, { endpointOverrides: { volume: 'http://127.0.0.1:1/v3/' } }).session.endpoint('volume')).toBe('http://127.0.0.1:1/v3/p1');
  });
  it('that are missing are named together with those that are there', async () => {
    const stub = await useStub();
    const error = await failure(stub.cloud({}, { regionName: 'site9' }).session.endpoint('volume'));
    expect(error).toMatchObject({ code: 'OS_ENDPOINT_MISSING', kind: 'terminal' });
    expect(error.message).toContain('region site9');
    expect(error.message).toContain('block-storage public site1');
  });
});

describe('microversions', () => {
  it('are asked for once and sent as the highest that both know', async () => {
    const stub = await useStub({ versions: { volume: { min: '3.0', max: '3.59' } } });
    stub.on('GET /volume/v3/p1/volumes/', () => ({ json: { volume: volume('v1') } }));
    const cloud = stub.cloud();
    await Promise.all([cloud.volume.volumes.get('v1'), cloud.volume.volumes.get('v1')]);
    expect(stub.requests.filter((seen) => seen.path === '/volume/v3/')).toHaveLength(1);
    expect(stub.requests.at(-1)?.headers['openstack-api-version']).toBe('volume 3.59');
  });
  it('are no higher than we speak, and named both ways for Nova', async () => {
    const stub = await useStub({ versions: { compute: { min: '2.1', max: '2.130' } } });
    stub.on('GET /compute/v2.1/flavors', () => ({ json: { flavors: [] } }));
    await stub.cloud().compute.flavors.list();
    expect(stub.requests.at(-1)?.headers).toMatchObject({ 'openstack-api-version': 'compute 2.96', 'x-openstack-nova-api-version': '2.96' });
  });
  it('that are too old are refused before the call, saying what for', async () => {
    const stub = await useStub({ versions: { volume: { min: '3.0', max: '3.9' } } });
    const error = await failure(stub.cloud().volume.groupSnapshots.create({ group_id: 'g' }));
    expect(error).toMatchObject({ code: 'OS_MICROVERSION_UNSUPPORTED', kind: 'terminal', service: 'volume' });
    expect(error.message).toBe('volume: a snapshot of a group needs API version 3.14 or newer; the service has 3.0 to 3.9');
    expect(stub.count('POST /volume')).toBe(0);
  });
  it('that are all too new are refused', async () => {
    const stub = await useStub({ versions: { volume: { min: '3.90', max: '3.99' } } });
    expect(await failure(stub.cloud().volume.volumes.list())).toMatchObject({ code: 'OS_MICROVERSION_UNSUPPORTED' });
  });
  it('are asked for again when the service has changed', async () => {
    const stub = await useStub();
    let upgraded = false;
    stub.on('GET /volume/v3/', (seen) => (upgraded && seen.path === '/volume/v3/' ? { json: { versions: [{ id: 'v3.0', min_version: '3.0', version: '3.50' }] } } : undefined));
    stub.on('GET /volume/v3/p1/volumes', (seen) => (upgraded && seen.headers['openstack-api-version'] === 'volume 3.70' ? { status: 406 } : { json: { volume: volume('v1') } }));
    const cloud = stub.cloud();
    await cloud.volume.volumes.get('v1');
    upgraded = true;
    await cloud.volume.volumes.get('v1');
    expect(stub.requests.at(-1)?.headers['openstack-api-version']).toBe('volume 3.50');
  });
});

it('warming asks for token and versions before they are needed', async () => {
  const stub = await useStub();
  stub.on('POST /volume/v3/p1/group_snapshots', () => ({ status: 202, json: { group_snapshot: { id: 's', name: 'n' } } }));
  const cloud = stub.cloud();
  await cloud.session.warm(['volume', 'compute', 'image']);
  const before = stub.requests.length;
  await cloud.volume.groupSnapshots.create({ group_id: 'g' });
  expect(stub.requests.slice(before).map((seen) => `${seen.method} ${seen.path}`)).toEqual(['POST /volume/v3/p1/group_snapshots']);
});

it('a ping needs no credentials', async () => {
  const stub = await useStub();
  expect(await stub.cloud().identity.ping()).toEqual({ version: 'v3.14' });
  expect(stub.tokensIssued()).toBe(0);
  stub.on('GET /identity', () => 'drop');
  expect(isOpenStackError(await failure(stub.cloud().identity.ping()), 'OS_UNREACHABLE')).toBe(true);
});

describe('validating a foreign token', () => {
  it('tells whose it is, or that it is not valid', async () => {
    const stub = await useStub();
    const token = { expires_at: '2030-01-01T00:00:00.000000Z', user: { id: 'u2', name: 'other' }, project: { id: 'p2', name: 'two' }, roles: [{ id: 'r', name: 'reader' }] };
    stub.on('GET /identity/v3/auth/tokens', (seen) => (seen.headers['x-subject-token'] === 'good' ? { json: { token } } : { status: 404, json: { error: { code: 404, message: 'Failed to validate token' } } }));
    const { identity } = stub.cloud();
    expect(await identity.validateToken('good')).toMatchObject({ userId: 'u2', projectId: 'p2', roles: ['reader'], systemScope: false });
    expect(await identity.validateToken('bad')).toBeUndefined();
    expect(await identity.validateToken('bad\r\nx-admin: yes')).toBeUndefined();
    expect(await identity.validateToken('')).toBeUndefined();
  });
});
