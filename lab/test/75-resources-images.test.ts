import type { Cloud, Image } from '@godwit/openstack';
import { describe, expect, it } from 'vitest';
import { eventually } from '../src/harness/index.ts';
import { deleteImages, makeImage } from '../src/harness/images.ts';
import { ofOurs, region, useResources } from '../src/harness/resources.ts';

interface Cloned {
  readonly sourceBytes: number;
  readonly targets: readonly { readonly site: string; readonly outcome: string; readonly method?: string; readonly imageId: string; readonly bytes: number; readonly changed: readonly string[] }[];
}

const MiB = 1024 ** 2;

/** What must be alike at both sites. */
const whole = (image: Image): unknown => ({
  name: image.name, hash: image.os_hash_value, size: image.size, disk: image.disk_format, container: image.container_format, minDisk: image.min_disk, minRam: image.min_ram,
  visibility: image.visibility, protected: image.protected, hidden: image.os_hidden, tags: image.tags.toSorted(),
  properties: Object.fromEntries(Object.entries(image).filter(([k]) => /^(hw_|os_distro|colour|trait)/.test(k))),
});

describe('images over two sites', () => {
  const s = useResources();
  const body = (name: string) => ({
    name, min_disk: 1, min_ram: 64, tags: ['golden', 'vnf'], visibility: 'shared' as const, protected: true,
    hw_qemu_guest_agent: 'yes', hw_disk_bus: 'virtio', os_distro: 'debian', colour: 'grün/blau', 'trait:CUSTOM_X': 'required',
  });
  const strangerAt = async (site: string): Promise<string> => (await (await s.cloud(`${site}-stranger`)).session.token()).projectId ?? '';
  const all = async (cloud: Cloud): Promise<Image[]> => [...(await cloud.image.list()), ...(await cloud.image.list({ os_hidden: true }))];
  const mine = async (cloud: Cloud): Promise<Image[]> => {
    const { projectId } = await cloud.session.token();
    return (await all(cloud)).filter((i) => i.owner === projectId && ofOurs(i));
  };

  it('clone by relay: the whole image, with its member; again: nothing is sent; a changed property follows without data', async () => {
    const [site1, site2] = [await s.cloud('site1'), await s.cloud('site2')];
    const source = await makeImage(site1, 48 * MiB, 1, body('res-relayed'));
    await site1.image.members.add(source.id, await strangerAt('site1'));
    await (await s.cloud('site1-stranger')).image.members.setStatus(source.id, await strangerAt('site1'), 'accepted');
    const cloned = await s.ok<Cloned>('image', 'clone', 'res-relayed', '--from', 'site1', '--to', 'site2');
    expect(cloned.targets).toMatchObject([{ site: 'site2', outcome: 'cloned', method: 'relay', bytes: 48 * MiB }]);
    const copy = await site2.image.get(cloned.targets[0]?.imageId ?? '');
    expect(whole(copy)).toEqual(whole(source));
    expect(copy).toMatchObject({ status: 'active', godwit_origin: source.id });
    expect(copy).not.toHaveProperty('godwit_clone_job');
    expect(await site2.image.members.list(copy.id)).toMatchObject([{ member_id: await strangerAt('site2'), status: 'accepted' }]);

    const again = await s.ok<Cloned>('image', 'clone', 'res-relayed', '--from', 'site1', '--to', 'site2');
    expect(again.targets).toMatchObject([{ bytes: 0, changed: [], imageId: copy.id }]);
    await site1.image.update(source.id, [{ op: 'replace', path: '/hw_disk_bus', value: 'scsi' }, { op: 'remove', path: '/os_distro' }, { op: 'replace', path: '/tags', value: ['golden'] }]);
    const described = await s.ok<Cloned>('image', 'clone', 'res-relayed', '--from', 'site1', '--to', 'site2');
    expect(described.targets).toMatchObject([{ outcome: 'updated', bytes: 0, imageId: copy.id }]);
    expect(whole(await site2.image.get(copy.id))).toEqual(whole(await site1.image.get(source.id)));
    expect((await mine(site2)).map((i) => i.name)).toEqual(['res-relayed']);
  });

  it('clone by import: Glance fetches it itself, with equal hash and everything that it does not copy; to two sites at once, one by import, one by relay', async () => {
    const site1 = await s.cloud('site1');
    const source = await makeImage(site1, 32 * MiB, 2, body('res-imported'));
    const cloned = await s.ok<Cloned>('image', 'clone', 'res-imported', '--from', 'site1', '--to', `site2,${region}`);
    expect(cloned.targets).toMatchObject([{ site: 'site2', method: 'relay', outcome: 'cloned' }, { site: region, method: 'import', outcome: 'cloned' }]);
    expect(cloned.sourceBytes).toBe(32 * MiB);
    const shared = await s.shared();
    expect(whole(await shared.image.get(cloned.targets[1]?.imageId ?? ''))).toEqual(whole(source));
    expect(whole(await (await s.cloud('site2')).image.get(cloned.targets[0]?.imageId ?? ''))).toEqual(whole(source));
    const refused = await s.cli('image', 'clone', 'res-imported', '--from', 'site1', '--to', 'site2', '--method', 'import');
    expect([refused.code, JSON.stringify(refused.json)]).toEqual([0, expect.any(String)]);
    await deleteImages(await s.cloud('site2'), ofOurs);
    const impossible = await s.cli('image', 'clone', 'res-imported', '--from', 'site1', '--to', 'site2', '--method', 'import');
    expect(impossible.json).toMatchObject({ code: 'GW_IMAGE_IMPORT_UNAVAILABLE' });
  });

  it('a clone that is cut at the source, killed with its controller, and cut at the target ends whole; nothing half copied ever had the name', async () => {
    const [site1, site2] = [await s.cloud('site1'), await s.cloud('site2')];
    const source = await makeImage(site1, 1500 * MiB, 3, body('res-large'));
    const { jobId } = await s.ok<{ jobId: string }>('image', 'clone', 'res-large', '--from', 'site1', '--to', 'site2', '--no-wait');
    const bytes = async (): Promise<number> => (await s.ok<{ progress: { phase: string; done?: number; message?: string }[] }>('job', 'show', jobId)).progress.find((p) => p.phase === 'Copying')?.done ?? 0;
    const halfWay: string[] = [];
    const watch = async (): Promise<void> => void halfWay.push(...(await all(site2)).filter((i) => i.name === 'res-large').map((i) => i.status));
    await eventually('some of it to be copied', async () => (await bytes()) > 200 * MiB, { timeoutMs: 120_000, everyMs: 200 });
    await s.lab.stopService('site1', 'glance-api', { kill: true });
    await watch().catch(() => undefined);
    await s.lab.startService('site1', 'glance-api');
    const log = async (): Promise<string> => JSON.stringify((await s.ok<unknown>('job', 'show', jobId)));
    await eventually('it to go on', async () => (await bytes()) > 500 * MiB, { timeoutMs: 120_000, everyMs: 200 });
    await s.restart();
    await watch();
    await eventually('it to begin again', async () => { const n = await bytes(); return n > 100 * MiB && n < 1400 * MiB; }, { timeoutMs: 120_000, everyMs: 200 });
    await s.lab.stopService('site2', 'glance-api', { kill: true });
    await s.lab.startService('site2', 'glance-api');
    await watch();
    const ended = await s.ok<{ state: string; result: Cloned }>('job', 'watch', jobId);
    expect([ended.state, await log()]).toEqual(['succeeded', expect.any(String)]);
    expect(halfWay).toEqual([]);
    const copies = await mine(site2);
    expect(copies.filter((i) => i.name === 'res-large').map(whole)).toEqual([whole(source)]);
    expect(copies.filter((i) => i.name?.startsWith('godwit-clone'))).toEqual([]);
  });

  it('a cancelled clone leaves nothing', async () => {
    const site2 = await s.cloud('site2');
    await deleteImages(site2, ofOurs);
    const { jobId } = await s.ok<{ jobId: string }>('image', 'clone', 'res-large', '--from', 'site1', '--to', 'site2', '--no-wait');
    await eventually('the copy to be under way', async () => (await mine(site2)).some((i) => i.status === 'saving'), { everyMs: 100 });
    await s.ok('job', 'cancel', jobId);
    await eventually('it to be cancelled', async () => (await s.ok<{ state: string }>('job', 'show', jobId)).state === 'cancelled', { timeoutMs: 60_000 });
    expect(await mine(site2)).toEqual([]);
  });

  it('a target over quota: said at once with its words, nothing is left there; with room again it goes', async () => {
    const site2 = await s.cloud('site2');
    const source = await makeImage(await s.cloud('site1'), 16 * MiB, 9, { name: 'res-quota' });
    const conf = '/etc/glance/glance-api.conf';
    const withQuota = async (script: string): Promise<void> => {
      expect((await s.lab.exec('site2', ['sed', '-i', script, conf])).code).toBe(0);
      await s.lab.stopService('site2', 'glance-api');
      await s.lab.startService('site2', 'glance-api');
    };
    await withQuota('s/^\\[DEFAULT\\]$/&\\nuser_storage_quota = 8MB/');
    try {
      const refused = await s.cli('image', 'clone', 'res-quota', '--from', 'site1', '--to', 'site2');
      expect(refused.code).not.toBe(0);
      expect(refused.json).toMatchObject({ code: 'GW_QUOTA' });
      expect((await mine(site2)).filter((i) => i.name === 'res-quota' || i.name?.startsWith('godwit-clone'))).toEqual([]);
    } finally {
      await withQuota('/^user_storage_quota/d');
    }
    const cloned = await s.ok<Cloned>('image', 'clone', 'res-quota', '--from', 'site1', '--to', 'site2');
    expect((await site2.image.get(cloned.targets[0]?.imageId ?? '')).os_hash_value).toBe(source.os_hash_value);
  });

  it('a source that is deleted half way ends the clone, and nothing of it is left', async () => {
    const [site1, site2] = [await s.cloud('site1'), await s.cloud('site2')];
    const source = await makeImage(site1, 600 * MiB, 10, { name: 'res-gone' });
    const { jobId } = await s.ok<{ jobId: string }>('image', 'clone', 'res-gone', '--from', 'site1', '--to', 'site2', '--no-wait');
    const job = () => s.ok<{ state: string; error?: { code: string }; progress: { phase: string; done?: number }[] }>('job', 'show', jobId);
    await eventually('some of it to be copied', async () => ((await job()).progress.find((p) => p.phase === 'Copying')?.done ?? 0) > 50 * MiB, { timeoutMs: 120_000, everyMs: 200 });
    await site1.image.delete(source.id);
    // Glance still reads the file that it has open: it is missed when the link is cut.
    await s.lab.stopService('site1', 'glance-api', { kill: true });
    await s.lab.startService('site1', 'glance-api');
    const ended = await eventually('it to fail', async () => { const j = await job(); return j.state === 'failed' ? j : undefined; }, { timeoutMs: 180_000 });
    expect(ended.error?.code).toBe('GW_IMAGE_SOURCE_GONE');
    expect((await mine(site2)).filter((i) => i.name === 'res-gone' || i.name?.startsWith('godwit-clone'))).toEqual([]);
  });

  it('bad input: unknown, ambiguous, still saving, on volumes, another image of that name', async () => {
    const [site1, site2] = [await s.cloud('site1'), await s.cloud('site2')];
    const code = async (...args: string[]): Promise<unknown> => ((await s.cli('image', 'clone', ...args, '--from', 'site1', '--to', 'site2')).json as { code?: string }).code;
    expect(await code('res-nothing')).toBe('GW_IMAGE_UNKNOWN');
    await site1.image.create({ name: 'res-empty', disk_format: 'raw', container_format: 'bare' });
    expect(await code('res-empty')).toBe('GW_IMAGE_NOT_ACTIVE');
    await makeImage(site1, MiB, 5, { name: 'res-twice' });
    await makeImage(site1, MiB, 6, { name: 'res-twice' });
    expect(await code('res-twice')).toBe('GW_IMAGE_AMBIGUOUS');
    const backed = await site1.image.create({ name: 'res-backed', disk_format: 'raw', container_format: 'bare', bdm_v2: 'True', block_device_mapping: '[{"snapshot_id": "x", "boot_index": 0}]' });
    await site1.image.upload(backed.id, new Uint8Array(), 0);
    expect(await code('res-backed')).toBe('GW_IMAGE_VOLUME_BACKED');
    await makeImage(site1, MiB, 7, { name: 'res-other' });
    const there = await makeImage(site2, MiB, 8, { name: 'res-other' });
    expect(await code('res-other')).toBe('GW_IMAGE_CONFLICT');
    const replaced = await s.ok<Cloned & { targets: { superseded: string[] }[] }>('image', 'clone', 'res-other', '--from', 'site1', '--to', 'site2', '--replace');
    expect(replaced.targets[0]?.superseded).toEqual([there.id]);
    expect(await site2.image.get(there.id)).toMatchObject({ os_hidden: true, status: 'active' });
    // Another project's private image is as unknown as none.
    expect((await s.tryAs('site1-stranger', 'image', 'clone', 'res-other', '--from', 'site1', '--to', 'site2')).json).toMatchObject({ code: expect.stringMatching(/GW_IMAGE_UNKNOWN|GW_PROJECT_NOT_SERVED/) });
  });
});
