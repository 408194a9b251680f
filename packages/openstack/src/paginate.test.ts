import { describe, expect, it } from 'vitest';
import type { OpenStackError } from './errors.ts';
import { useStub, volume } from './testing/use-stub.ts';

const failure = (promise: Promise<unknown>): Promise<OpenStackError> => promise.then(() => expect.unreachable('it should have failed'), (error: unknown) => error as OpenStackError);
const query = (path: string): URLSearchParams => new URL(path, 'http://x').searchParams;

describe('lists', () => {
  it('of Cinder and Nova follow volumes_links, whatever host they name', async () => {
    const stub = await useStub();
    stub.on('GET /volume/v3/p1/volumes/detail', (seen) => {
      expect(query(seen.path).get('name')).toBe('vnf');
      return query(seen.path).get('marker') === null
        ? { json: { volumes: [volume('a')], volumes_links: [{ rel: 'next', href: 'http://internal.invalid/v3/p1/volumes/detail?name=vnf&marker=a' }] } }
        : { json: { volumes: [volume('b')] } };
    });
    expect((await stub.cloud().volume.volumes.list({ name: 'vnf' })).map((item) => item.id)).toEqual(['a', 'b']);
  });
  it('of Glance follow next', async () => {
    const stub = await useStub();
    stub.on('GET /image/v2/images', (seen) => (query(seen.path).get('marker') === null
      ? { json: { images: [{ id: 'a', status: 'active' }], next: '/v2/images?marker=a' } }
      : { json: { images: [{ id: 'b', status: 'active' }] } }));
    expect((await stub.cloud().image.list()).map((item) => item.id)).toEqual(['a', 'b']);
  });
  it('of Neutron are asked for in pages', async () => {
    const stub = await useStub();
    stub.on('GET /network/v2.0/ports', (seen) => {
      expect(query(seen.path).get('limit')).toBe('500');
      const port = (id: string) => ({ id, name: '', network_id: 'n', mac_address: 'm', status: 'DOWN', admin_state_up: true });
      return query(seen.path).get('marker') === null
        ? { json: { ports: [port('a')], ports_links: [{ rel: 'next', href: 'http://h/v2.0/ports?limit=500&marker=a' }] } }
        : { json: { ports: [port('b')], ports_links: [{ rel: 'previous', href: 'http://h/v2.0/ports?limit=500&marker=b&page_reverse=True' }] } };
    });
    expect((await stub.cloud().network.ports.list()).map((item) => item.id)).toEqual(['a', 'b']);
  });
  it('of Keystone follow links.next, and are not taken for whole when cut', async () => {
    const stub = await useStub();
    stub.on('GET /identity/v3/projects', (seen) => (query(seen.path).get('marker') === null
      ? { json: { projects: [{ id: 'a', name: 'a' }], links: { next: 'http://h/v3/projects?marker=a', self: 'x', previous: null } } }
      : { json: { projects: [{ id: 'b', name: 'b' }], links: { next: null } } }));
    stub.on('GET /identity/v3/users', () => ({ json: { users: [{ id: 'u', name: 'u' }], truncated: true, links: { next: null } } }));
    const { identity } = stub.cloud();
    expect((await identity.projects.list()).map((item) => item.id)).toEqual(['a', 'b']);
    expect((await failure(identity.users.list())).message).toContain('cuts the list short');
  });
  it('that go round in a circle end with an error', async () => {
    const stub = await useStub();
    stub.on('GET /volume/v3/p1/backups/detail', (seen) => {
      const next = query(seen.path).get('marker') === 'x' ? 'y' : 'x';
      return { json: { backups: [{ id: next, status: 'available' }], backups_links: [{ rel: 'next', href: `http://h/backups/detail?marker=${next}` }] } };
    });
    expect(await failure(stub.cloud().volume.backups.list())).toMatchObject({ code: 'OS_BAD_RESPONSE', service: 'volume' });
    // All is read thrice, as the circle may come of a change meanwhile.
    expect(stub.count('GET /volume/v3/p1/backups')).toBe(9);
  });
  it('of which the item at the end of a page is deleted meanwhile are read again', async () => {
    const stub = await useStub();
    let deleted = false;
    stub.on('GET /volume/v3/p1/volumes/detail', (seen) => {
      if (query(seen.path).get('marker') === 'a') {
        deleted = true;
        return { status: 400, json: { badRequest: { message: 'marker [a] not found' } } };
      }
      return { json: { volumes: deleted ? [volume('b')] : [volume('a')], ...(!deleted && { volumes_links: [{ rel: 'next', href: 'http://h/v3/p1/volumes/detail?marker=a' }] }) } };
    });
    expect((await stub.cloud().volume.volumes.list()).map((item) => item.id)).toEqual(['b']);
    // Glance begins at the top, with what was there already.
    stub.on('GET /image/v2/images', (seen) => (query(seen.path).get('marker') === null
      ? { json: { images: [{ id: 'x', status: 'active' }, { id: 'y', status: 'active' }], next: '/v2/images?marker=y' } }
      : { json: { images: [{ id: 'x', status: 'active' }, { id: 'z', status: 'active' }] } }));
    expect((await stub.cloud().image.list()).map((item) => item.id)).toEqual(['x', 'y', 'z']);
  });
  it('return no more than the limit asked for', async () => {
    const stub = await useStub();
    stub.on('GET /image/v2/images', (seen) => ({ json: { images: [{ id: query(seen.path).get('marker') ?? '0', status: 'active' }], next: `/v2/images?limit=1&marker=${Number(query(seen.path).get('marker')) + 1}` } }));
    expect((await stub.cloud().image.list({ limit: 2 })).map((item) => item.id)).toEqual(['0', '1']);
    expect(stub.count('GET /image')).toBe(2);
  });
  it('may be left half read', async () => {
    const stub = await useStub();
    stub.on('GET /volume/v3/p1/volumes/detail', () => ({ json: { volumes: [volume('a'), volume('b')], volumes_links: [{ rel: 'next', href: '?marker=b' }] } }));
    for await (const item of stub.cloud().volume.volumes.iterate()) {
      expect(item.id).toBe('a');
      break;
    }
    expect(stub.count('GET /volume/v3/p1/volumes/detail')).toBe(1);
  });
  it('of objects go on after the last name', async () => {
    const stub = await useStub();
    const name = (index: number): string => `o${String(index).padStart(6, '0')}`;
    stub.on('GET /swift/v1/AUTH_p1/c', (seen) => {
      const marker = query(seen.path).get('marker');
      const from = marker === null ? 0 : Number(marker.slice(1)) + 1;
      const count = from === 0 ? 10_000 : 3;
      return { json: Array.from({ length: count }, (_, index) => ({ name: name(from + index), bytes: 1 })) };
    });
    const objects = await stub.cloud().objectStore.objects.list('c', { prefix: 'o' });
    expect(objects).toHaveLength(10_003);
    expect(objects.at(-1)?.name).toBe('o010002');
  });
});
