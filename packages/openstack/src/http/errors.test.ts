import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { OpenStackError } from '../errors.ts';
import type { RequestEvent } from '../types.ts';
import { PASSWORD } from '../testing/stub.ts';
import { useStub } from '../testing/use-stub.ts';
import { readErrorBody } from './error-body.ts';

const failure = (promise: Promise<unknown>): Promise<OpenStackError> => promise.then(() => expect.unreachable('it should have failed'), (error: unknown) => error as OpenStackError);
const GLANCE_404 = '<html>\n <head>\n  <title>404 Not Found</title>\n </head>\n <body>\n  <h1>404 Not Found</h1>\n  Failed to find image i1 &amp; its data<br /><br />\n\n\n </body>\n</html>';
const HAPROXY_503 = '<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>\n';

describe('the bodies of errors', () => {
  it.each([
    ['Nova', '{"itemNotFound": {"code": 404, "message": "Instance x could not be found."}}', 'application/json', 'Instance x could not be found.', undefined],
    ['Cinder', '{"overLimit": {"code": 413, "message": "VolumeLimitExceeded: Maximum number of volumes allowed (10) exceeded"}}', 'application/json', 'VolumeLimitExceeded: Maximum number of volumes allowed (10) exceeded', undefined],
    ['Neutron', '{"NeutronError": {"type": "PortNotFound", "message": "Port p could not be found.", "detail": ""}}', 'application/json', 'Port p could not be found.', 'PortNotFound'],
    ['Neutron, a bare string', '{"NeutronError": "something is wrong"}', 'application/json', 'something is wrong', undefined],
    ['Keystone', '{"error":{"code":403,"message":"You are not authorized.","title":"Forbidden"}}', 'application/json', 'You are not authorized.', undefined],
    ['Placement', '{"errors": [{"status": 404, "title": "Not Found", "detail": "No resource provider.", "code": "placement.undefined_code"}]}', 'application/json', 'No resource provider.', 'placement.undefined_code'],
    ['Glance', GLANCE_404, 'text/html; charset=UTF-8', '404 Not Found: Failed to find image i1 & its data', undefined],
    ['Glance, JSON in HTML', '{"message": "No image<br /><br />\\n", "code": "404 Not Found", "title": "Not Found"}', 'application/json', 'No image', undefined],
    ['a proxy', HAPROXY_503, 'text/html', '503 Service Unavailable: No server is available to handle this request.', undefined],
    ['keystonemiddleware', 'Authentication required', 'text/html; charset=UTF-8', 'Authentication required', undefined],
    ['nothing', '', undefined, undefined, undefined],
    ['JSON that is none', '{"oops', 'application/json', '{"oops', undefined],
  ])('of %s become a sentence', (_service, text, contentType, sentence, type) => {
    const body = readErrorBody(text, contentType);
    expect(body.sentence).toBe(sentence);
    expect(body.type).toBe(type);
  });
  it('are cut where they would fill the screen', () => {
    expect(readErrorBody('x'.repeat(5000), 'text/plain').sentence?.length).toBeLessThan(700);
  });
});

describe('an answer that is no success', () => {
  it.each([
    [400, '{"badRequest":{"message":"Invalid input"}}', 'OS_BAD_REQUEST', 'terminal'],
    [403, '{"forbidden":{"message":"Policy doesn\'t allow it"}}', 'OS_FORBIDDEN', 'terminal'],
    [403, '{"forbidden":{"message":"Quota exceeded for instances: Requested 1, but already used 10 of 10 instances"}}', 'OS_OVER_LIMIT', 'terminal'],
    [404, '{"itemNotFound":{"message":"gone"}}', 'OS_NOT_FOUND', 'terminal'],
    [409, '{"conflictingRequest":{"message":"Instance is locked"}}', 'OS_CONFLICT', 'terminal'],
    [409, '{"NeutronError":{"type":"OverQuota","message":"Quota exceeded for resources: [\'port\']."}}', 'OS_OVER_LIMIT', 'terminal'],
    [413, '{"overLimit":{"message":"Maximum number of volumes allowed (10) exceeded for quota \'volumes\'."}}', 'OS_OVER_LIMIT', 'terminal'],
    [429, '', 'OS_RATE_LIMITED', 'retryable'],
    [429, '{"overLimit":{"message":"This request was rate-limited."}}', 'OS_RATE_LIMITED', 'retryable'],
    [408, '', 'OS_TIMEOUT', 'retryable'],
    [501, '', 'OS_NOT_SUPPORTED', 'terminal'],
    [500, '{"computeFault":{"message":"Unexpected API Error."}}', 'OS_UNAVAILABLE', 'retryable'],
    [503, HAPROXY_503, 'OS_UNAVAILABLE', 'retryable'],
  ])('%d %s is %s, %s', async (status, text, code, kind) => {
    const stub = await useStub();
    stub.on('POST /compute/v2.1/servers', () => ({ status, text, headers: { 'content-type': text.startsWith('{') ? 'application/json' : 'text/html', 'x-compute-request-id': 'req-42' } }));
    const error = await failure(stub.cloud().compute.servers.stop('s1'));
    expect(error).toMatchObject({ code, kind, status, service: 'compute', method: 'POST', path: '/compute/v2.1/servers/s1/action', requestId: 'req-42' });
    expect(error.message).toContain('req-42');
    const sentence = readErrorBody(text, undefined).sentence;
    if (sentence) expect(error.message).toContain(sentence);
    expect(error.detail).toBe(sentence);
  });

  it.each([
    ['it is empty', { text: '' }],
    ['it is not JSON', { text: '<html>' }],
    ['volume.status: Invalid input', { json: { volume: { id: 'v', size: 1, bootable: 'true' } } }],
    ['volume: Invalid input', { json: { volumes: [] } }],
  ])('or is not what we rely on: %s', async (what, reply) => {
    const stub = await useStub();
    stub.on('GET /volume/v3/p1/volumes', () => ({ ...reply, headers: { 'x-openstack-request-id': 'req-9' } }));
    const error = await failure(stub.cloud().volume.volumes.get('v'));
    expect(error).toMatchObject({ code: 'OS_BAD_RESPONSE', kind: 'terminal', requestId: 'req-9' });
    expect(error.message).toContain(what);
  });

  it('or points elsewhere, where no token is sent', async () => {
    const stub = await useStub();
    stub.on('GET /image/v2/images', () => ({ status: 302, headers: { location: `${stub.url}/elsewhere` } }));
    const error = await failure(stub.cloud().image.get('i'));
    expect(error).toMatchObject({ code: 'OS_BAD_RESPONSE', kind: 'terminal', status: 302 });
    expect(error.message).toContain('/elsewhere');
    expect(stub.count('GET /elsewhere')).toBe(0);
  });

  it('reads null as absent', async () => {
    const stub = await useStub();
    stub.on('GET /volume/v3/p1/volumes', () => ({ json: { volume: { id: 'v', name: null, status: 'available', size: 1, bootable: 'true', metadata: null, attachments: null, encrypted: null } } }));
    expect(await stub.cloud().volume.volumes.get('v')).toMatchObject({ metadata: {}, attachments: [], encrypted: undefined });
  });

  it('keeps fields that we do not know', async () => {
    const stub = await useStub();
    stub.on('GET /volume/v3/p1/volumes', () => ({ json: { volume: { id: 'v', status: 'available', size: 1, bootable: 'true', 'vendor:thing': 7 } } }));
    expect(await stub.cloud().volume.volumes.get('v')).toMatchObject({ 'vendor:thing': 7 });
  });
});

describe('secrets', () => {
  it('are in no error and in no log, even when a service quotes them', async () => {
    const stub = await useStub();
    const fernet = 'gAAAAABmZb7T5g3oJq0123456789abcdefghijklmnopqrstuvwxyz_-=';
    const quote = (seen: { body: string; headers: Record<string, unknown> }) => ({ status: 500, json: { error: { message: `cannot handle ${seen.body} ${PASSWORD} with ${fernet}` } } });
    const events: RequestEvent[] = [];
    const errors: unknown[] = [];
    const cloud = stub.cloud({ log: (event) => void events.push(event) });
    stub.on('GET /image/v2/images', (seen) => quote(seen));
    errors.push(await failure(cloud.image.get('i')));
    stub.on('POST /identity', (seen) => quote(seen));
    errors.push(await failure(stub.cloud({ log: (event) => void events.push(event) }).session.token()));
    stub.on('POST /identity', () => 'drop');
    errors.push(await failure(stub.cloud({ log: (event) => void events.push(event) }).session.token()));
    stub.on('POST /identity', () => ({ status: 401, headers: { 'www-authenticate': `Keystone uri="${PASSWORD}"` } }));
    errors.push(await failure(stub.cloud({ log: (event) => void events.push(event) }).session.token()));
    const written = [...errors, ...events].map((one) => `${JSON.stringify(one)} ${inspect(one, { depth: 20, showHidden: true })} ${String(one)}`).join('\n');
    expect(written).toContain('OS_UNAVAILABLE');
    expect(written).not.toContain(PASSWORD);
    expect(written).not.toContain('token-1');
    expect(written).not.toContain(fernet);
  });

  it('do not come into a log of calls, which names each attempt', async () => {
    const stub = await useStub();
    const events: RequestEvent[] = [];
    stub.on('GET /image/v2/images', (_seen, count) => (count === 1 ? { status: 503 } : { json: { images: [] }, headers: { 'x-openstack-request-id': 'req-5' } }));
    await stub.cloud({ log: (event) => void events.push(event) }).image.list({ name: 'x' });
    expect(events.map(({ durationMs: _, ...event }) => event)).toEqual([
      { cloud: 'stub', service: 'identity', method: 'POST', path: '/identity/v3/auth/tokens', attempt: 1, status: 201 },
      { cloud: 'stub', service: 'image', method: 'GET', path: '/image/v2/images?limit=500&name=x', attempt: 1, status: 503 },
      { cloud: 'stub', service: 'image', method: 'GET', path: '/image/v2/images?limit=500&name=x', attempt: 2, status: 200, requestId: 'req-5' },
    ]);
  });
});
