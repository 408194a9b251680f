import { Agent, buildConnector } from 'undici';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { OpenStackError } from '../errors.ts';
import { useStub, volume } from '../testing/use-stub.ts';
import { backoff, retryAfter, sleep } from './retry.ts';

const failure = (promise: Promise<unknown>): Promise<OpenStackError> => promise.then(() => expect.unreachable('it should have failed'), (error: unknown) => error as OpenStackError);
const VOLUMES = '/volume/v3/p1/volumes';

describe('a broken connection', () => {
  it('is repeated for a GET', async () => {
    const stub = await useStub();
    stub.on(`GET ${VOLUMES}`, (_seen, count) => (count < 3 ? 'drop' : { json: { volume: volume('v1') } }));
    expect((await stub.cloud().volume.volumes.get('v1')).id).toBe('v1');
    expect(stub.count(`GET ${VOLUMES}`)).toBe(3);
  });
  it('is repeated three times at most, and no more often than asked', async () => {
    const stub = await useStub();
    stub.on(`GET ${VOLUMES}`, () => 'drop');
    const cloud = stub.cloud();
    expect(await failure(cloud.volume.volumes.get('v1'))).toMatchObject({ code: 'OS_UNREACHABLE', kind: 'retryable', service: 'volume', method: 'GET' });
    expect(stub.count(`GET ${VOLUMES}`)).toBe(3);
    await failure(cloud.volume.volumes.get('v1', { retries: 0 }));
    expect(stub.count(`GET ${VOLUMES}`)).toBe(4);
  });
  it('is never repeated for a POST: it may have been served', async () => {
    const stub = await useStub();
    stub.on(`POST ${VOLUMES}`, () => 'drop');
    expect(await failure(stub.cloud().volume.volumes.create({ size: 1 }))).toMatchObject({ code: 'OS_UNREACHABLE', kind: 'retryable' });
    expect(stub.count(`POST ${VOLUMES}`)).toBe(1);
  });
  it('is not repeated for a PUT that would not do the same twice', async () => {
    const stub = await useStub();
    stub.on('PUT /volume/v3/p1/groups', () => 'drop');
    await failure(stub.cloud().volume.groups.update('g', { add_volumes: ['v'] }));
    expect(stub.count('PUT /volume/v3/p1/groups')).toBe(1);
  });
  it('is repeated for a DELETE, whose second attempt may find nothing', async () => {
    const stub = await useStub();
    stub.on(`DELETE ${VOLUMES}`, (_seen, count) => (count === 1 ? 'drop' : { status: 404 }));
    await stub.cloud().volume.volumes.delete('v1');
    expect(stub.count(`DELETE ${VOLUMES}`)).toBe(2);
  });
  it('is not what happened when the first DELETE finds nothing', async () => {
    const stub = await useStub();
    expect(await failure(stub.cloud().volume.volumes.delete('v1'))).toMatchObject({ code: 'OS_NOT_FOUND', status: 404 });
  });
});

describe('a refused connection', () => {
  it('is repeated even for a POST: nothing was sent', async () => {
    const stub = await useStub();
    stub.on('POST /network/v2.0/ports', () => ({ status: 201, json: { port: { id: 'p', name: '', network_id: 'n', mac_address: 'm', status: 'DOWN', admin_state_up: true } } }));
    const connect = buildConnector({});
    let refusals = 0;
    const dispatcher = new Agent({
      pipelining: 0,
      connect: (options, callback) => {
        if (refusals > 0) callback(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED', syscall: 'connect' }), null);
        else connect(options, callback);
        refusals -= 1;
      },
    });
    onTestFinished(() => dispatcher.destroy());
    const waits: number[] = [];
    const cloud = stub.cloud({ dispatcher, random: () => 1, sleep: async (ms) => void waits.push(ms) });
    await cloud.session.token();
    refusals = 2;
    expect((await cloud.network.ports.create({ network_id: 'n' })).id).toBe('p');
    expect(waits).toEqual([250, 500]);
    expect(stub.count('POST /network')).toBe(1);
  });
  it('is named by address and reason', async () => {
    const stub = await useStub();
    const error = await failure(stub.cloud({}, { endpointOverrides: { image: 'http://127.0.0.1:1' } }).image.get('i'));
    expect(error).toMatchObject({ code: 'OS_UNREACHABLE', kind: 'retryable', message: 'image at http://127.0.0.1:1: the connection is refused or has no route (ECONNREFUSED)' });
  });
  it('of a host that nobody knows is named, too', async () => {
    const stub = await useStub();
    const error = await failure(stub.cloud({}, { endpointOverrides: { image: 'http://no-such-host.invalid' } }).image.get('i'));
    expect(error).toMatchObject({ code: 'OS_UNREACHABLE', kind: 'retryable' });
    expect(error.message).toContain('the host name is not known');
  });
});

describe('an overloaded service', () => {
  it('is given the time it asks for', async () => {
    const stub = await useStub();
    const waits: number[] = [];
    stub.on(`GET ${VOLUMES}`, (_seen, count) => (count === 1 ? { status: 429, headers: { 'retry-after': '7' } } : count === 2 ? { status: 503 } : { json: { volume: volume('v1') } }));
    await stub.cloud({ random: () => 0, sleep: async (ms) => void waits.push(ms) }).volume.volumes.get('v1');
    expect(waits).toEqual([7000, 250]);
  });
  it('is reported when it asks for more than half a minute', async () => {
    const stub = await useStub();
    stub.on(`GET ${VOLUMES}`, () => ({ status: 503, headers: { 'retry-after': '600' } }));
    expect(await failure(stub.cloud().volume.volumes.get('v1'))).toMatchObject({ code: 'OS_UNAVAILABLE', kind: 'retryable' });
    expect(stub.count(`GET ${VOLUMES}`)).toBe(1);
  });
  it.each([429, 500, 502, 503, 504])('gets no POST again after %d', async (status) => {
    const stub = await useStub();
    stub.on(`POST ${VOLUMES}`, () => ({ status, headers: { 'retry-after': '0' } }));
    expect(await failure(stub.cloud().volume.volumes.create({ size: 1 }))).toMatchObject({ status, kind: 'retryable' });
    expect(stub.count(`POST ${VOLUMES}`)).toBe(1);
  });
  it('is not asked again after a plain 500', async () => {
    const stub = await useStub();
    stub.on(`GET ${VOLUMES}`, () => ({ status: 500 }));
    await failure(stub.cloud().volume.volumes.get('v1'));
    expect(stub.count(`GET ${VOLUMES}`)).toBe(1);
  });
});

describe('giving up', () => {
  it('on a slow answer is OS_TIMEOUT, and not repeated', async () => {
    const stub = await useStub();
    stub.on(`GET ${VOLUMES}`, () => new Promise(() => {}));
    const error = await failure(stub.cloud().volume.volumes.get('v1', { timeoutMs: 50 }));
    expect(error).toMatchObject({ code: 'OS_TIMEOUT', kind: 'retryable', service: 'volume' });
    expect(stub.count(`GET ${VOLUMES}`)).toBe(1);
  });
  it('by the caller rejects with the caller\'s reason, during a request', async () => {
    const stub = await useStub();
    const abort = new AbortController();
    stub.on(`GET ${VOLUMES}`, async () => {
      abort.abort(new Error('no longer wanted'));
      await sleep(20);
      return undefined;
    });
    expect((await failure(stub.cloud().volume.volumes.get('v1', { signal: abort.signal }))).message).toBe('no longer wanted');
  });
  it('by the caller rejects with the caller\'s reason, while it waits to repeat', async () => {
    const stub = await useStub();
    stub.on(`GET ${VOLUMES}`, () => ({ status: 503, headers: { 'retry-after': '20' } }));
    const abort = new AbortController();
    const asked = failure(stub.cloud({ sleep }).volume.volumes.get('v1', { signal: abort.signal }));
    await expect.poll(() => stub.count(`GET ${VOLUMES}`), { timeout: 15_000 }).toBe(1);
    abort.abort(new Error('no longer wanted'));
    expect((await asked).message).toBe('no longer wanted');
  });
  it('before the call sends nothing', async () => {
    const stub = await useStub();
    expect((await failure(stub.cloud().volume.volumes.list({}, { signal: AbortSignal.abort(new Error('too late')) }))).message).toBe('too late');
    expect(stub.requests).toHaveLength(0);
  });
});

it('backoff doubles, is capped and leaves half to chance', () => {
  expect([1, 2, 3, 10].map((attempt) => backoff(attempt, () => 1))).toEqual([250, 500, 1000, 10_000]);
  expect(backoff(2, () => 0)).toBe(250);
});

it('Retry-After is read as seconds and as a date', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  expect(retryAfter('3', now)).toBe(3000);
  expect(retryAfter('Thu, 01 Jan 2026 00:00:05 GMT', now)).toBe(5000);
  expect(retryAfter('Thu, 01 Jan 2025 00:00:05 GMT', now)).toBe(0);
  expect(retryAfter('3600', now)).toBe('too-long');
  expect(retryAfter('soon', now)).toBeUndefined();
  expect(retryAfter(undefined, now)).toBeUndefined();
});
