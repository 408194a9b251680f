import type { Cloud, Image } from '@godwit/openstack';
import { describe, expect, it } from 'vitest';
import { findImage, lookAtTarget, readRecord } from '../src/images/find.ts';
import { publish } from '../src/images/publish.ts';
import { relayTo } from '../src/images/relay-to.ts';
import { dropWorking, verifyWorking, workingImage } from '../src/images/working.ts';
import { emulated, project, stepContext } from './emulated.ts';

const bytes = Buffer.from(Array.from({ length: 200_000 }, (_, n) => (n * 31) % 253));

async function makeImage(cloud: Cloud, name: string, data: Uint8Array = bytes, more: object = {}): Promise<Image> {
  const made = await cloud.image.create({ name, disk_format: 'raw', container_format: 'bare', hw_disk_bus: 'virtio', tags: ['x'], ...more });
  await cloud.image.upload(made.id, data, data.length);
  return cloud.image.get(made.id);
}

const own = async (cloud: Cloud): Promise<Image[]> => {
  const { projectId } = await cloud.session.token();
  return [...(await cloud.image.list()), ...(await cloud.image.list({ os_hidden: true }))].filter((i) => i.owner === projectId);
};

describe('promise: any step may be run twice, and nothing half copied is active under the right name', () => {
  it('relay, verify, publish, each twice: one copy, whole, and nothing sent again', async () => {
    const w = await emulated();
    const [site1, site2] = [w.cloud('site1'), w.cloud('site2')];
    const image = await makeImage(site1, 'app');
    const record = await readRecord(w.sites.get('site1'), project, await findImage(w.sites.get('site1'), project, 'app'), false);
    const place = { site: w.sites.get('site2'), project, jobId: 'job-1' };
    const task = { source: 'site1', project, record, places: [place] };
    expect(await relayTo(w.deps, task, stepContext())).toEqual({ sourceBytes: bytes.length, targets: [{ site: 'site2', bytes: bytes.length }] });
    // Whole, active, and yet not to be had by its name.
    expect((await own(site2)).map((i) => [i.status, i.os_hidden, i.name === 'app'])).toEqual([['active', true, false]]);
    expect((await relayTo(w.deps, task, stepContext())).sourceBytes).toBe(0);
    const published = await publish(place.site, project, record, 'job-1');
    expect(await publish(place.site, project, record, 'job-1')).toMatchObject({ imageId: published.imageId, changed: [] });
    expect(await own(site2)).toMatchObject([{ id: published.imageId, name: 'app', os_hidden: false, os_hash_value: image.os_hash_value, hw_disk_bus: 'virtio', tags: ['x'] }]);
    expect((await lookAtTarget(place.site, project, record)).copy?.id).toBe(published.imageId);
    // What is published is no more the job's: its undo leaves it.
    await dropWorking(place);
    expect((await own(site2)).length).toBe(1);
  });

  it('a transfer that was corrupted is caught by its hash, and deleted', async () => {
    const w = await emulated();
    const [site1, site2] = [w.cloud('site1'), w.cloud('site2')];
    await makeImage(site1, 'app');
    const record = await readRecord(w.sites.get('site1'), project, await findImage(w.sites.get('site1'), project, 'app'), false);
    const place = { site: w.sites.get('site2'), project, jobId: 'job-1' };
    const working = await workingImage(place, record, 'site1');
    const spoilt = Buffer.from(bytes);
    spoilt[100_000] = (spoilt[100_000] ?? 0) ^ 1;
    await site2.image.upload(working.id, spoilt, spoilt.length);
    await expect(verifyWorking(place, await site2.image.get(working.id), record, {})).rejects.toMatchObject({ code: 'GW_IMAGE_CORRUPT', site: 'site2' });
    expect(await own(site2)).toEqual([]);
  });

  it('an earlier life’s spoilt copy is made anew; its undo deletes what is not whole', async () => {
    const w = await emulated();
    const [site1, site2] = [w.cloud('site1'), w.cloud('site2')];
    await makeImage(site1, 'app');
    const record = await readRecord(w.sites.get('site1'), project, await findImage(w.sites.get('site1'), project, 'app'), false);
    const place = { site: w.sites.get('site2'), project, jobId: 'job-1' };
    const working = await workingImage(place, record, 'site1');
    await site2.image.upload(working.id, bytes.subarray(0, 1_000), 1_000);
    const done = await relayTo(w.deps, { source: 'site1', project, record, places: [place] }, stepContext());
    expect(done.targets).toEqual([{ site: 'site2', bytes: bytes.length }]);
    expect((await own(site2)).map((i) => i.size)).toEqual([bytes.length]);
    await dropWorking(place);
    expect(await own(site2)).toEqual([]);
  });

  it('a token that is not good any more when the data is to be sent: it is sent again with another', async () => {
    const w = await emulated();
    await makeImage(w.cloud('site1'), 'app');
    const record = await readRecord(w.sites.get('site1'), project, await findImage(w.sites.get('site1'), project, 'app'), false);
    const place = { site: w.sites.get('site2'), project, jobId: 'job-1' };
    w.emulator.inject({ kind: 'error', site: 'site2', service: 'image', method: 'PUT', path: '/file$', status: 401, times: 1 });
    const s = stepContext();
    expect((await relayTo(w.deps, { source: 'site1', project, record, places: [place] }, s)).targets).toEqual([{ site: 'site2', bytes: bytes.length }]);
    expect(s.logs.join()).toContain('send it again');
    expect((await own(w.cloud('site2'))).map((i) => i.os_hash_value)).toEqual([record.hash?.value]);
  });

  it('a token that is not good any more at the source: it is read with another', async () => {
    const w = await emulated();
    await makeImage(w.cloud('site1'), 'app');
    const record = await readRecord(w.sites.get('site1'), project, await findImage(w.sites.get('site1'), project, 'app'), false);
    const place = { site: w.sites.get('site2'), project, jobId: 'job-1' };
    w.emulator.inject({ kind: 'error', site: 'site1', service: 'image', method: 'GET', path: '/file$', status: 401, times: 1 });
    expect((await relayTo(w.deps, { source: 'site1', project, record, places: [place] }, stepContext())).targets).toEqual([{ site: 'site2', bytes: bytes.length }]);
    expect((await own(w.cloud('site2'))).map((i) => i.os_hash_value)).toEqual([record.hash?.value]);
  });

  it('a target without room fails at once, with the reason, and alone; nothing of it is left there', async () => {
    const w = await emulated();
    await makeImage(w.cloud('site1'), 'app');
    const record = await readRecord(w.sites.get('site1'), project, await findImage(w.sites.get('site1'), project, 'app'), false);
    const place = { site: w.sites.get('site2'), project, jobId: 'job-1' };
    w.emulator.inject({ kind: 'error', site: 'site2', service: 'image', method: 'PUT', path: '/file$', status: 413, message: 'The size of the data 200000 will exceed the limit. 0 bytes remaining.' });
    const s = stepContext();
    const done = await relayTo(w.deps, { source: 'site1', project, record, places: [place] }, s);
    expect(done.targets).toMatchObject([{ site: 'site2', bytes: 0, error: { code: 'GW_QUOTA', message: expect.stringContaining('0 bytes remaining') as string } }]);
    expect(s.logs).toHaveLength(1);
    await dropWorking(place);
    expect(await own(w.cloud('site2'))).toEqual([]);
  });

  it('a source that cannot be read any more: a site that has the image feeds the next; without one, it fails', async () => {
    const w = await emulated();
    const [site1, site2] = [w.cloud('site1'), w.cloud('site2')];
    await makeImage(site1, 'app');
    const there = await makeImage(site2, 'app');
    const record = await readRecord(w.sites.get('site1'), project, await findImage(w.sites.get('site1'), project, 'app'), false);
    const place = { site: w.sites.get('site2'), project, jobId: 'job-1' };
    w.emulator.inject({ kind: 'reset', site: 'site1', service: 'image', method: 'GET', path: '/file$' });
    await expect(relayTo(w.deps, { source: 'site1', project, record, places: [place] }, stepContext())).rejects.toMatchObject({ code: 'GW_SITE_UNREACHABLE', site: 'site1' });
    const s = stepContext();
    expect((await relayTo(w.deps, { source: 'site1', project, record, places: [place], feeders: [{ site: 'site2', imageId: there.id }] }, s)).targets).toEqual([{ site: 'site2', bytes: bytes.length }]);
    expect(s.logs.join()).toContain('site2 has the image, and feeds the others');
  });

  it('what another project has is as unknown as what is not there', async () => {
    const w = await emulated();
    await makeImage(w.cloud('site1-stranger'), 'theirs', bytes, { visibility: 'private' });
    await expect(findImage(w.sites.get('site1'), project, 'theirs')).rejects.toMatchObject({ code: 'GW_IMAGE_UNKNOWN' });
  });
});
