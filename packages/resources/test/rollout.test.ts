import type { Cloud, Image } from '@godwit/openstack';
import { describe, expect, it } from 'vitest';
import { readRecord } from '../src/images/find.ts';
import { publish } from '../src/images/publish.ts';
import type { ImageService } from '../src/images/service.ts';
import { policyService } from '../src/policies/service.ts';
import type { ImagePolicyInput } from '../src/policies/schemas.ts';
import { emulated, project, type Emulated } from './emulated.ts';
import { FakeEngine } from './fake-engine.ts';

const caller = { userId: 'u', userName: 'tenant', project, admin: false };

async function makeImage(cloud: Cloud, name: string, seed: number, more: object = {}): Promise<Image> {
  const data = Buffer.alloc(20_000, seed);
  const made = await cloud.image.create({ name, disk_format: 'raw', container_format: 'bare', ...more });
  await cloud.image.upload(made.id, data, data.length);
  return cloud.image.get(made.id);
}

const shown = async (cloud: Cloud, name = 'app'): Promise<string[]> => {
  const { projectId } = await cloud.session.token();
  return (await cloud.image.list({ name })).filter((i) => i.owner === projectId).map((i) => i.id);
};

async function world(policy: Partial<ImagePolicyInput> = {}): Promise<Emulated & { fake: FakeEngine; api: ReturnType<typeof policyService>['api']; v1: Image; old2: Image; v2: Image }> {
  const w = await emulated();
  const fake = new FakeEngine();
  const images = { underWay: () => Promise.resolve([]), clone: () => Promise.resolve({ jobId: 'clone' }) } as unknown as ImageService;
  const { api } = policyService(w.deps, fake.engine, images);
  const v1 = await makeImage(w.cloud('site1'), 'app', 1);
  const old2 = await makeImage(w.cloud('site2'), 'app', 1);
  const v2 = await makeImage(w.cloud('site1'), 'app', 2);
  await api.createImagePolicy(caller, { name: 'p', source: 'site1', sites: ['site2'], mode: 'controlled', pause: 'none', ...policy });
  return { ...w, fake, api, v1, old2, v2 };
}

describe('a rollout', () => {
  it('a word to go back is never lost: while the last site is copied to, and behind the last switch', async () => {
    for (const step of ['copy[site2]', 'switch[site2]', 'finish']) {
      const w = await world();
      const { id } = await w.api.startRollout(caller, 'p', w.v2.id);
      w.fake.onStep = async (name) => void (name === step && (await w.api.rollBack(caller, id)));
      expect(await w.fake.run()).toBeUndefined();
      expect(await w.fake.run()).toBeUndefined();
      expect((await w.api.getRollout(caller, id)).state).toBe('rolled-back');
      expect([await shown(w.cloud('site1')), await shown(w.cloud('site2'))]).toEqual([[w.v1.id], [w.old2.id]]);
      // Nothing half copied stays behind.
      expect((await w.cloud('site2').image.list({ os_hidden: true })).filter((i) => i.name?.startsWith('godwit-clone-'))).toEqual([]);
    }
  }, 30_000);

  it('that fails says so; resume begins another job, past what is done', async () => {
    const w = await world();
    const { id } = await w.api.startRollout(caller, 'p', w.v2.id);
    const down = w.emulator.inject({ kind: 'error', site: 'site2', service: 'image', method: 'PUT', path: '/file$', status: 413, message: 'full' });
    expect(await w.fake.run()).toMatchObject({ code: 'GW_QUOTA' });
    expect((await w.api.getRollout(caller, id)).state).toBe('failed');
    down.lift();
    await w.api.deleteImagePolicy(caller, 'p');
    await w.api.resumeRollout(caller, id, false);
    expect(w.fake.jobs.map((j) => j.state)).toEqual(['failed', 'queued']);
    expect(await w.fake.run()).toBeUndefined();
    const done = await w.api.getRollout(caller, id);
    expect([done.state, await shown(w.cloud('site1')), await shown(w.cloud('site2'))]).toEqual(['done', [w.v2.id], [done.stages[1]?.imageId]]);
  }, 20_000);

  it('resume said twice lets one site go on', async () => {
    const w = await world({ pause: 'each', sites: ['site2'] });
    const { id } = await w.api.startRollout(caller, 'p', w.v2.id);
    expect((await w.api.resumeRollout(caller, id, false)).approved).toBe(2);
    expect((await w.api.resumeRollout(caller, id, false)).approved).toBe(2);
  }, 20_000);

  it('goes back at the sites that answer, over an old image that was deleted; the dead one is left for the next try', async () => {
    const w = await world();
    const { id } = await w.api.startRollout(caller, 'p', w.v2.id);
    await w.fake.run();
    await w.cloud('site1').image.delete(w.v1.id);
    const down = w.emulator.inject({ kind: 'site-down', site: 'site2' });
    await w.api.rollBack(caller, id);
    expect(await w.fake.run()).toMatchObject({ code: 'GW_SITE_UNREACHABLE' });
    down.lift();
    expect((await w.api.getRollout(caller, id))).toMatchObject({ state: 'rolling-back', stages: [{ site: 'site1', state: 'rolled-back' }, { site: 'site2', state: 'done' }], notes: [expect.stringContaining(w.v1.id)] });
    await w.api.rollBack(caller, id);
    expect(await w.fake.run()).toBeUndefined();
    expect([(await w.api.getRollout(caller, id)).state, await shown(w.cloud('site2'))]).toEqual(['rolled-back', [w.old2.id]]);
  }, 30_000);

  it('an older one is not rolled back behind a newer one; an image of another project is not rolled out', async () => {
    const w = await world();
    const first = await w.api.startRollout(caller, 'p', w.v2.id);
    await w.fake.run();
    const v3 = await makeImage(w.cloud('site1'), 'app', 3);
    await new Promise((r) => setTimeout(r, 2));
    const second = await w.api.startRollout(caller, 'p', v3.id);
    await w.fake.run();
    await expect(w.api.rollBack(caller, first.id)).rejects.toMatchObject({ code: 'GW_ROLLOUT_NEWER' });
    await w.api.rollBack(caller, second.id);
    await w.fake.run();
    await w.api.rollBack(caller, first.id);
    const theirs = await makeImage(w.cloud('site1-admin'), 'golden', 4, { visibility: 'public' });
    await expect(w.api.startRollout(caller, 'p', theirs.id)).rejects.toMatchObject({ code: 'GW_IMAGE_NOT_OWNED' });
  }, 30_000);

  it('a public image stays public: at the source, and a copy that an administrator has published', async () => {
    const w = await world();
    const [admin1, admin2] = [w.cloud('site1-admin'), w.cloud('site2-admin')];
    await admin1.image.update(w.v2.id, [{ op: 'replace', path: '/visibility', value: 'public' }]);
    const { id } = await w.api.startRollout(caller, 'p', w.v2.id);
    expect(await w.fake.run()).toBeUndefined();
    expect((await admin1.image.get(w.v2.id)).visibility).toBe('public');
    const copy = (await w.api.getRollout(caller, id)).stages[1]?.imageId ?? '';
    // Made by a member: private; published by an administrator, a member's next clone leaves it so.
    expect((await admin2.image.get(copy)).visibility).toBe('private');
    await admin2.image.update(copy, [{ op: 'replace', path: '/visibility', value: 'public' }]);
    const record = await readRecord(w.sites.get('site1'), project, await w.cloud('site1').image.get(w.v2.id), false);
    expect(await publish(w.sites.get('site2'), project, record, 'job-9')).toMatchObject({ imageId: copy, changed: [] });
    expect((await admin2.image.get(copy)).visibility).toBe('public');
  }, 20_000);
});

describe('policies by tag, where only a name is known', () => {
  it('`none` bars what has its tags and nothing else; the policy whose tags the image has is the one; a site that is away has none', async () => {
    const w = await world({ mode: 'none', tags: ['scratch'] });
    await makeImage(w.cloud('site1'), 'golden', 5, { tags: ['golden'] });
    await makeImage(w.cloud('site1'), 'scratch', 6, { tags: ['scratch', 'golden'] });
    await w.api.createImagePolicy(caller, { name: 'other', source: 'site2', sites: ['site1', 'site2'], mode: 'lazy', tags: ['blue'] });
    await w.api.createImagePolicy(caller, { name: 'lazy', source: 'site1', sites: ['site2'], mode: 'lazy', tags: ['golden'] });
    const wanted = (...names: string[]) => w.api.imagesWantedAt(project, names, 'site2');
    expect(await wanted('golden', 'scratch', 'app')).toEqual([{ image: 'golden', source: 'site1', lazy: true }]);
    expect(await w.api.ensureImage(caller, 'golden', 'site2')).toMatchObject({ present: false, jobId: 'clone' });
    await expect(w.api.ensureImage(caller, 'scratch', 'site2')).rejects.toMatchObject({ code: 'GW_IMAGE_UNKNOWN', site: 'site2' });
  }, 20_000);
});
