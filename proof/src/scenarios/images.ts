import type { Cloud, Image } from '@godwit/openstack';
import type { EmulatedSites } from '../world/sites.ts';
import type { Unit } from '../world/unit.ts';
import type { Beginning, Scenario } from './scenario.ts';

const appOf = ({ name }: Unit): string => `${name}-app`;
const policyOf = ({ name }: Unit): string => `${name}-policy`;

/** Tells the versions of one name apart; each has other bytes, and another number of them. */
const bytesOf = (version: number): Buffer => Buffer.alloc(20_000 + 1_000 * version, version);

async function makeImage(cloud: Cloud, unit: Unit, version: number, more: object = {}): Promise<Image> {
  const data = bytesOf(version);
  const made = await cloud.image.create({ name: appOf(unit), disk_format: 'raw', container_format: 'bare', version: String(version), ...more });
  await cloud.image.upload(made.id, data, data.length);
  return made;
}

const newest = async ({ cloud }: EmulatedSites, unit: Unit): Promise<string> => {
  const [image] = (await (await cloud('site1')).image.list({ name: appOf(unit) })).filter((i) => i['version'] === '2');
  return image?.id ?? '';
};

/** At site1 alone, with all that an image can have beside its data: properties, tags, another project that it is lent to. */
const described: Beginning = {
  name: 'an image',
  async prepare({ sites }, unit) {
    const cloud = await sites.cloud('site1');
    const [other] = await (await sites.cloud('site1-admin')).identity.projects.list({ name: 'other' });
    const { id } = await makeImage(cloud, unit, 1, { tags: ['blue', 'green'], hw_disk_bus: 'virtio', min_disk: 1 });
    await cloud.image.members.add(id, other?.id ?? '');
  },
};

/** Version 1 is shown at both sites; version 2 is made at site1, and to be brought out. */
const twoVersions: Beginning = {
  name: 'two versions of an image',
  async prepare({ sites, api }, unit) {
    const cloud = await sites.cloud('site1');
    for (const version of [1, 2]) await makeImage(cloud, unit, version);
    await makeImage(await sites.cloud('site2'), unit, 1);
    await api.ask('POST', '/v1/image-policies', { name: policyOf(unit), source: 'site1', sites: ['site2'], mode: 'controlled', pause: 'none', images: [appOf(unit)] });
  },
};

const rollout: Scenario['submit'] = async ({ api, sites }, unit) => api.ask('POST', `/v1/image-policies/${policyOf(unit)}/rollout`, { image: await newest(sites, unit) });

const broughtOut: Beginning = {
  name: 'version 2 of an image, brought out',
  async prepare(stage, unit) {
    await twoVersions.prepare(stage, unit);
    await stage.succeeds((await rollout(stage, unit)).jobId);
  },
};

/** The answer is the rollout: its job is looked for. */
const rollback: Scenario['submit'] = async ({ api }, unit) => {
  const { rollouts } = await api.ask<{ rollouts: { id: string; image: string }[] }>('GET', '/v1/rollouts');
  await api.ask('POST', `/v1/rollouts/${rollouts.find((r) => r.image === appOf(unit))?.id ?? ''}/rollback`, {});
  const { jobs } = await api.ask<{ jobs: { id: string; workflow: string; labels: Record<string, string> }[] }>('GET', '/v1/jobs?limit=500');
  const job = jobs.find((j) => j.workflow === 'image-rollback' && j.labels['image'] === appOf(unit));
  if (job === undefined) throw new Error(`no job takes ${appOf(unit)} back`);
  return { jobId: job.id };
};

const clone = (method: 'import' | 'relay'): Scenario['submit'] => ({ api }, unit) => api.ask('POST', '/v1/images/clone', { image: appOf(unit), from: 'site1', to: ['site2'], method });

/** Site2 has no room for the data that this job sends. */
const noRoom: NonNullable<Scenario['faults']> = ({ sites }, _unit, jobId) =>
  void sites.emulator.inject({ kind: 'error', site: 'site2', service: 'image', method: 'PUT', path: '/file$', status: 413, globalRequestId: `req-${jobId}` });
const isUndo = (step: string): boolean => step.startsWith('undo ');

/** Every way in which images are copied, brought out, and taken back. */
export const scenarios: readonly Scenario[] = [
  { name: 'clone an image', workflow: 'image-clone', from: described, submit: clone('relay') },
  { name: 'clone an image by import', workflow: 'image-clone', from: described, submit: clone('import'), only: (step) => step === 'import[]' },
  { name: 'clone an image, and cancel', workflow: 'image-clone', from: described, submit: clone('relay'), ends: 'cancelled', cancelAt: 'publish[]', only: (step) => isUndo(step) || step === 'publish[]' },
  { name: 'clone an image by import, and cancel', workflow: 'image-clone', from: described, submit: clone('import'), ends: 'cancelled', cancelAt: 'publish[]', only: isUndo },
  { name: 'clone an image to a site without room', workflow: 'image-clone', from: described, submit: clone('relay'), ends: 'failed', faults: noRoom, only: (step) => isUndo(step) || step === 'conclude' },
  { name: 'bring out an image', workflow: 'image-rollout', from: twoVersions, submit: rollout },
  { name: 'bring out an image to a site without room', workflow: 'image-rollout', from: twoVersions, submit: rollout, ends: 'failed', faults: noRoom, only: (step) => isUndo(step) || step === 'copy[]' },
  { name: 'take an image back', workflow: 'image-rollback', from: broughtOut, submit: rollback },
];
