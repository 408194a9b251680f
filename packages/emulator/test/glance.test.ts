import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { checked } from '@godwit/openstack';
import { describe, expect, it } from 'vitest';
import { cloud, emulate } from './harness.ts';
import { until } from './until.ts';

const sha512 = (bytes: Buffer): string => createHash('sha512').update(bytes).digest('hex');
const raw = { disk_format: 'raw', container_format: 'bare' };

describe('images', () => {
  it('go up and come down as streams, with a true hash', async () => {
    const c = cloud(await emulate(), 'site1');
    const bytes = Buffer.alloc(700_000, 'godwit');
    const image = await c.image.create({ name: 'i', ...raw, tags: ['t'], os_hidden: true, colour: 'blue' });
    expect(image).toMatchObject({ status: 'queued', visibility: 'shared', size: null, tags: ['t'], colour: 'blue' });
    await c.image.upload(image.id, Readable.from([bytes.subarray(0, 300_000), bytes.subarray(300_000)]));
    const active = await c.image.get(image.id);
    expect(active).toMatchObject({ status: 'active', size: bytes.length, os_hash_algo: 'sha512', os_hash_value: sha512(bytes) });
    const { stream, size } = await c.image.download(image.id);
    expect(size).toBe(bytes.length);
    expect((await buffer(checked(stream, 'sha512', active.os_hash_value ?? ''))).equals(bytes)).toBe(true);
    await expect(c.image.upload(image.id, bytes)).rejects.toThrow(/transition from active to saving is not allowed/);
    expect((await c.image.list({ tag: 't' })).length).toBe(0);
    expect((await c.image.list({ tag: 't', os_hidden: true })).map((i) => i.id)).toEqual([image.id]);
  });

  it('protected, foreign and unknown ones are refused as Glance refuses them', async () => {
    const emulator = await emulate();
    const c = cloud(emulator, 'site1');
    const image = await c.image.create({ name: 'i', ...raw, visibility: 'private', protected: true });
    await expect(c.image.delete(image.id)).rejects.toThrow(/is protected and cannot be deleted/);
    await expect(cloud(emulator, 'site1-stranger').image.get(image.id)).rejects.toThrow(/No image found with ID/);
    await expect(cloud(emulator, 'site1-auditor').image.update(image.id, [{ op: 'replace', path: '/protected', value: false }])).rejects.toThrow(/not authorized to complete modify_image action/);
    await expect(c.image.update(image.id, [{ op: 'replace', path: '/nope', value: 'x' }])).rejects.toThrow(/Property nope does not exist/);
    await c.image.update(image.id, [{ op: 'replace', path: '/protected', value: false }, { op: 'add', path: '/a', value: '1' }]);
    await c.image.addTag(image.id, 'x');
    await c.image.deleteTag(image.id, 'x');
    await c.image.delete(image.id);
    await expect(c.image.create({ id: image.id, name: 'again' })).rejects.toThrow(/already exists/);
    await expect(c.image.create({ name: 'p', visibility: 'public' })).rejects.toThrow(/publicize_image/);
  });

  it('of an upload that finds no room nothing is left but the record, to be tried again', async () => {
    const emulator = await emulate();
    const c = cloud(emulator, 'site1');
    const image = await c.image.create({ name: 'i', ...raw });
    const full = emulator.inject({ kind: 'storage-full', site: 'site1' });
    await expect(c.image.upload(image.id, Buffer.alloc(10))).rejects.toThrow(/413/);
    expect((await c.image.get(image.id)).status).toBe('queued');
    full.lift();
    await c.image.upload(image.id, Buffer.from('ok'));
    expect((await c.image.get(image.id)).size).toBe(2);
  });

  it('are pulled from another site: formats and some properties come along, a cut link fails the task', async () => {
    const emulator = await emulate();
    const [one, two] = [cloud(emulator, 'site1'), cloud(emulator, 'site2')];
    const source = await one.image.create({ name: 'i', ...raw, visibility: 'community', hw_rng_model: 'virtio', colour: 'blue' });
    await one.image.upload(source.id, Buffer.from('bytes'));
    const pull = async () => {
      const { id } = await two.image.create({ name: 'copy' });
      await two.image.import(id, { name: 'glance-download', glance_region: 'site1', glance_image_id: source.id });
      return until('import', async () => ((i) => i.status !== 'importing' && i)(await two.image.get(id)));
    };
    expect(await pull()).toMatchObject({ status: 'active', disk_format: 'raw', hw_rng_model: 'virtio', os_hash_value: sha512(Buffer.from('bytes')) });
    expect(await pull()).not.toHaveProperty('colour');
    const cut = emulator.inject({ kind: 'cut', between: ['site1', 'site2'] });
    expect((await pull()).status).toBe('queued');
    cut.lift();
  });
});
