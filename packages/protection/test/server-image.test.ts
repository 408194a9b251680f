import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { OpenStackError, type Cloud } from '@godwit/openstack';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../src/deps.ts';
import { ThawKeeper } from '../src/freeze/keeper.ts';
import type { ServerRecord } from '../src/inventory/types.ts';
import { carryRootImage } from '../src/methods/server-image/carry.ts';
import { dropImages } from '../src/methods/server-image/drop.ts';
import { guardedFreeze, type GuardOptions } from '../src/methods/server-image/guarded.ts';
import { requestImage, untilFilled, type NovaDeps } from '../src/methods/server-image/request.ts';
import type { Making } from '../src/methods/types.ts';
import { fakeSite, host, longestFreeze, type FakeSite } from './fake-compute.ts';
import { aGroup, aManifest, aPoint, fails, project, uuid, world, type World } from './fake-world.ts';

const log = () => undefined;
const server = (more: Partial<ServerRecord> = {}): ServerRecord => ({ ...(aManifest(aPoint(1, ['full'])).servers[0] as ServerRecord), id: 'a', name: 'a', ...more });

describe('promise: no guest stays frozen while Nova makes an image of it', () => {
  let site: FakeSite;
  let keeper: ThawKeeper;
  beforeEach(async () => {
    site = await fakeSite(['a']);
    keeper = new ThawKeeper();
  });
  afterEach(async () => {
    keeper.close();
    await site.close();
  });
  const guest = () => site.guests.get('a')!;
  const run = <T>(inside: (signal: AbortSignal) => Promise<T>, more: Partial<GuardOptions> = {}) =>
    guardedFreeze({ compute: site.compute, clock: systemClock, log }, { site: 'site1', guest: { serverId: 'a', host, name: 'a' }, limitMs: 2_500, keeper, signal: new AbortController().signal, wholly: true, ...more }, inside);
  const until = async (look: () => boolean): Promise<void> => {
    for (const deadline = performance.now() + 8_000; !look(); await new Promise((r) => setTimeout(r, 20))) if (performance.now() > deadline) throw new Error('waited too long');
  };

  it('the thaw is confirmed, though Nova says that it thaws by itself; no switch stays armed', async () => {
    const made = await run(() => {
      guest().set('freeze');
      return Promise.resolve('image');
    });
    expect(made.value).toBe('image');
    expect(guest().frozen).toBe(false);
    expect(await site.compute.armed({ serverId: 'a' })).toBeUndefined();
  });

  it('nova-api dies after it has frozen, and so does this controller: the broker thaws', async () => {
    void run(async () => {
      guest().set('freeze');
      keeper.close();
      await site.client.close();
      return new Promise<void>(() => undefined);
    }).catch(() => undefined);
    await until(() => guest().history.length > 0);
    await until(() => !guest().frozen);
    expect(longestFreeze(guest())).toBeLessThan(2_500);
  }, 20_000);

  it('what was made while the broker may have thawed is not kept; a local disk’s copy, which claims no moment, is', async () => {
    const slow = async (signal: AbortSignal): Promise<string> => {
      guest().set('freeze');
      await new Promise((done) => setTimeout(done, 2_300));
      signal.throwIfAborted();
      return 'image';
    };
    await expect(run(slow)).rejects.toMatchObject({ code: 'GW_WINDOW_OVERRUN' });
    expect((await run(slow, { wholly: false })).value).toBe('image');
    expect(longestFreeze(guest())).toBeLessThan(2_500);
    expect(await site.compute.armed({ serverId: 'a' })).toBeUndefined();
  }, 20_000);

  it('Nova refuses: thawed, switch taken away, its words told', async () => {
    await expect(run(() => Promise.reject(fails('OS_BAD_REQUEST', 'no image for you')))).rejects.toMatchObject({ code: 'GW_SITE_REFUSED', message: expect.stringContaining('no image for you') as string, resource: 'server a' });
    expect(await site.compute.armed({ serverId: 'a' })).toBeUndefined();
  });
});

describe('what Nova does with an image', () => {
  let images: { id: string; name: string; owner: string; status: string }[];
  let task: string | null;
  let hostState: string;
  let createImage: () => Promise<string>;
  const deps = (): NovaDeps => ({
    site: 'site1', clock: { now: () => new Date(), sleep: (ms) => new Promise((done) => setTimeout(done, Math.min(ms, 1))) }, signal: new AbortController().signal,
    tenant: {
      session: { token: () => Promise.resolve({ projectId: 'p' }) },
      compute: { servers: { createImage: () => createImage(), get: () => Promise.resolve({ 'OS-EXT-STS:task_state': task }) } },
      image: { list: () => Promise.resolve(images), get: (id: string) => (images.some((i) => i.id === id) ? Promise.resolve(images.find((i) => i.id === id)) : Promise.reject(fails('OS_NOT_FOUND'))) },
    } as unknown as Cloud,
    admin: { compute: { services: { list: () => Promise.resolve([{ host: 'c1', state: hostState }]) } } } as unknown as Cloud,
  });
  beforeEach(() => {
    images = [{ id: 'theirs', name: 'n', owner: 'x', status: 'active' }];
    [task, hostState] = ['image_uploading', 'up'];
    createImage = () => Promise.resolve('i');
  });
  afterEach(() => void vi.useRealTimers());

  it('an answer that never comes is not waited for once the image is there', async () => {
    createImage = () => new Promise<string>(() => undefined);
    setTimeout(() => images.push({ id: 'mine', name: 'n', owner: 'p', status: 'active' }), 5);
    expect(await requestImage(deps(), server(), 'n', {})).toBe('mine');
  });

  it('an answer that was lost is looked up; a refusal is told', async () => {
    createImage = () => Promise.reject(fails('OS_UNREACHABLE'));
    await expect(requestImage(deps(), server(), 'n', {})).rejects.toMatchObject({ code: 'OS_UNREACHABLE' });
    images.push({ id: 'mine', name: 'n', owner: 'p', status: 'active' });
    expect(await requestImage(deps(), server(), 'n', {})).toBe('mine');
  });

  const filled = () => untilFilled(deps(), server({ host: 'c1' }), 'i', () => undefined);

  it('one that it gives up (a Glance without room) is tried again', async () => {
    await expect(filled()).rejects.toMatchObject({ code: 'GW_SERVER_IMAGE_FAILED', kind: 'retryable', message: expect.stringContaining('gave its image up') as string });
  });

  it.each([['nobody works on', () => (task = null)], ['the dead nova-compute worked on', () => (hostState = 'down')]])('one that stays queued, that %s, is given up after a minute', async (_what, how) => {
    images.push({ id: 'i', name: 'n', owner: 'p', status: 'queued' });
    how();
    vi.useFakeTimers({ toFake: ['performance'] });
    const wait = filled();
    wait.catch(() => undefined);
    await new Promise((done) => setTimeout(done, 20));
    vi.advanceTimersByTime(61_000);
    await expect(wait).rejects.toMatchObject({ code: 'GW_SERVER_IMAGE_FAILED', message: expect.stringContaining('stays queued') as string });
  });

  it('one that is worked on is waited for as long as it takes', async () => {
    images.push({ id: 'i', name: 'n', owner: 'p', status: 'saving' });
    vi.useFakeTimers({ toFake: ['performance'] });
    const wait = filled();
    await new Promise((done) => setTimeout(done, 20));
    vi.advanceTimersByTime(3_600_000);
    await new Promise((done) => setTimeout(done, 20));
    images[1]!.status = 'active';
    await expect(wait).resolves.toMatchObject({ id: 'i' });
  });
});

describe('a root disk on its way to the other site', () => {
  const bytes = Buffer.from('the root disk of fw');
  const sha512 = createHash('sha512').update(bytes).digest('hex');
  const record = server({ id: 's-fw', name: 'fw', imageBooted: true });
  let w: World;
  let read: () => AsyncIterable<Uint8Array>;
  let store: (data: Buffer) => { status: string } | Error;
  beforeEach(() => {
    w = world();
    read = () => Readable.from([bytes.subarray(0, 5), bytes.subarray(5)]);
    store = () => ({ status: 'active' });
    w.site1.images.all.push({ id: 'i', status: 'active', size: bytes.length, os_hash_algo: 'sha512', os_hash_value: sha512, disk_format: 'qcow2', min_disk: 1, hw_qemu_guest_agent: 'yes', base_image_ref: 'b', owner_specified: 'x' });
    const [one, two] = ['site1', 'site2'].map((n) => w.deps.sites.get(n).asProject(project));
    Object.assign(w.deps.sites.get('site1'), { asProject: () => ({ ...one, session: one!.session, image: { ...one!.image, get: one!.image.get, download: () => Promise.resolve({ stream: Object.assign(Readable.from(read()), {}) }) } }) });
    Object.assign(w.deps.sites.get('site2'), {
      asProject: () => ({
        ...two, session: two!.session,
        image: {
          ...two!.image, list: two!.image.list, get: two!.image.get, create: two!.image.create, update: two!.image.update, delete: two!.image.delete,
          upload: async (id: string, data: AsyncIterable<Uint8Array>) => {
            const pieces: Uint8Array[] = [];
            for await (const piece of data) pieces.push(piece);
            const got = Buffer.concat(pieces);
            const end = store(got);
            if (end instanceof Error) throw end;
            Object.assign(w.site2.images.all.find((x) => x.id === id)!, end, { size: got.length, os_hash_algo: 'sha512', os_hash_value: createHash('sha512').update(got).digest('hex') });
          },
        },
      }),
    });
  });
  const making = (): Making => ({ deps: w.deps, input: { groupId: uuid(1), pointId: uuid(101) }, prepared: { group: aGroup(), source: 'site1', target: 'site2' } }) as unknown as Making;
  const carry = () => carryRootImage(making(), record, 'i', w.step);

  it('is one image there, hidden and protected, with what a guest is built by and nothing else', async () => {
    const first = await carry();
    expect(first).toEqual({ serverId: 's-fw', serverName: 'fw', imageId: w.site2.images.all[0]?.id, sizeBytes: bytes.length, hash: { algorithm: 'sha512', value: sha512 }, diskFormat: 'qcow2' });
    expect(await carry()).toEqual(first);
    expect(w.site2.images.all).toHaveLength(1);
    expect(w.site2.images.all[0]).toMatchObject({ os_hidden: true, protected: true, visibility: 'private', min_disk: 1, hw_qemu_guest_agent: 'yes', godwit_point: uuid(101), godwit_origin: 's-fw' });
    for (const own of ['base_image_ref', 'owner_specified']) expect(w.site2.images.all[0]).not.toHaveProperty(own);
  });

  it('that was changed on its way from the source is told, and begun anew by the next try', async () => {
    read = () => Readable.from([Buffer.from('another root disk…')]);
    await expect(carry()).rejects.toMatchObject({ code: 'GW_SITE_ANSWER', site: 'site1' });
    read = () => Readable.from([bytes]);
    await expect(carry()).resolves.toMatchObject({ hash: { value: sha512 } });
    expect(w.site2.images.all).toHaveLength(1);
  });

  it('of which another hash is stored than was sent is not used', async () => {
    const two = w.deps.sites.get('site2').asProject(project);
    const get = two.image.get;
    Object.assign(w.deps.sites.get('site2'), { asProject: () => ({ ...two, image: { ...two.image, get: async (id: string) => ({ ...(await get(id)), os_hash_value: 'another' }) } }) });
    await expect(carry()).rejects.toMatchObject({ code: 'GW_IMAGE_DAMAGED', site: 'site2' });
  });

  it('a Glance without room says so, and what is needed', async () => {
    store = () => new OpenStackError({ code: 'OS_OVER_LIMIT', kind: 'terminal', message: 'full', status: 413 });
    await expect(carry()).rejects.toMatchObject({ code: 'GW_IMAGE_STORE_FULL', kind: 'terminal', site: 'site2', message: expect.stringContaining('fw') as string });
  });
});

it('everything that a point was made from goes by its name, however much a crash left, and nothing else', async () => {
  const w = world();
  const [mine, others] = [uuid(101), uuid(102)];
  const image = (name: string, owner = w.site1.projectId) => w.site1.images.all.push({ id: name, name, status: 'active', owner });
  for (const name of [`godwit-image-${mine}-s-db`, `godwit-image-${mine}-s-fw`, `godwit-image-${others}-s-db`, 'their own']) image(name);
  image(`godwit-image-${mine}-theirs`, 'someone-else');
  const snapshots = [`snapshot for godwit-image-${mine}-s-db`, `Schnappschuss für godwit-image-${mine}-s-db`, `godwit-snapshot-${mine}-v1`, `snapshot for godwit-image-${others}-s-db`, 'their own'].map((name) => ({ id: name, name, status: 'available' }));
  let left = snapshots;
  const cloud = w.deps.sites.get('site1').asProject(project);
  const api = { list: () => Promise.resolve(left), get: (id: string) => (left.some((s) => s.id === id) ? Promise.resolve(left.find((s) => s.id === id)) : Promise.reject(fails('OS_NOT_FOUND'))), delete: (id: string) => ((left = left.filter((s) => s.id !== id)), Promise.resolve()) };
  Object.assign(w.deps.sites.get('site1'), { asProject: () => ({ ...cloud, session: cloud.session, image: cloud.image, volume: { ...cloud.volume, snapshots: api } }) });
  await dropImages(w.deps, aGroup(), 'site1', mine, w.step.signal, { serverId: 's-fw', volumeIds: [] });
  expect([w.site1.images.all.length, left.length]).toEqual([4, 5]);
  await dropImages(w.deps, aGroup(), 'site1', mine, w.step.signal);
  await dropImages(w.deps, aGroup(), 'site1', mine, w.step.signal);
  expect(w.site1.images.all.map((i) => i.id)).toEqual([`godwit-image-${others}-s-db`, 'their own', `godwit-image-${mine}-theirs`]);
  expect(left.map((s) => s.name)).toEqual([`snapshot for godwit-image-${others}-s-db`, 'their own']);
});
