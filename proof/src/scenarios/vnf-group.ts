import { membersOf } from '../world/unit.ts';
import { createVnf } from '../world/vnf.ts';
import type { Beginning, Scenario } from './scenario.ts';

interface Policy {
  readonly freezeLimitSeconds?: number;
  readonly retain?: number;
  readonly fullEvery?: number;
  readonly method?: 'group-snapshot' | 'server-image';
}

/** A VNF of two members at site1, and its group, protected so many times. */
export const protectedVnf = (name: string, times: number, policy: Policy = {}): Beginning => ({
  name,
  async prepare({ sites, api, succeeds }, unit) {
    const specs = membersOf(unit).map((m, n) => (n === 1 && policy.method === 'server-image' ? { ...m, localRoot: true } : m));
    await createVnf(await sites.cloud('site1'), specs, 40);
    await api.ask('POST', '/v1/groups', { name: unit.name, site: 'site1', recoverySite: 'site2', members: specs.map((m) => m.name), policy: { freezeLimitSeconds: 30, ...policy } });
    for (let n = 0; n < times; n++) await succeeds((await api.ask<{ jobId: string }>('POST', `/v1/groups/${unit.name}/protect`)).jobId);
  },
});

const once = protectedVnf('protected once', 1);
/** The first protection of all proves the backup target. */
const never: Beginning = { ...protectedVnf('never protected', 0), apart: 'never protected' };
const twice = protectedVnf('protected twice', 2);
const full = protectedVnf('protected, nothing retained', 1, { retain: 1, fullEvery: 1 });
/** By images: one member on volumes, one whose root is no volume. */
const imaged = protectedVnf('protected by images', 1, { method: 'server-image' });

export const protect: Scenario['submit'] = ({ api }, { name }) => api.ask('POST', `/v1/groups/${name}/protect`);
export const recover: Scenario['submit'] = ({ api }, { name }) => api.ask('POST', `/v1/groups/${name}/recover`, { to: 'site2' });
const purge: Scenario['submit'] = ({ api }, { name }) => api.ask('DELETE', `/v1/groups/${name}?purge=true`);
const verify: Scenario['submit'] = async ({ api }, { name }) => {
  const { recoveryPoints } = await api.ask<{ recoveryPoints: { id: string }[] }>('GET', `/v1/groups/${name}/recovery-points`);
  return api.ask('POST', `/v1/recovery-points/${recoveryPoints[0]?.id ?? ''}/verify`, { restore: true });
};

/** The site refuses the manifest; by images, the first image that the job makes there is a root disk. */
export const refusesManifest = (skip: number): NonNullable<Scenario['faults']> => ({ sites }, _unit, jobId) =>
  void sites.emulator.inject({ kind: 'error', site: 'site2', service: 'image', method: 'POST', path: '^/v2/images$', status: 403, skip, globalRequestId: `req-${jobId}` });
const secondServerFails: NonNullable<Scenario['faults']> = ({ sites }, unit) => void sites.emulator.inject({ kind: 'failure', site: 'site2', work: 'spawn', resource: membersOf(unit)[1]?.name ?? '' });

/** Who dies in the freeze window cannot know whether the guests stayed frozen all the while: that point has failed, by design. */
export const inTheWindow = (window: string) => (step: string, boundary: string): boolean => step === window && boundary === 'after-effect';
const frozen = inTheWindow('freeze-and-snapshot');
const isUndo = (step: string): boolean => step.startsWith('undo ');
const undoesImages = (step: string): boolean => isUndo(step) && step.includes('-image[');

/** Every way in which the workflows of protection run. */
export const scenarios: readonly Scenario[] = [
  { name: 'protect, incrementally', workflow: 'protect', from: once, submit: protect, mayFail: frozen },
  { name: 'protect for the first time', workflow: 'protect', from: never, submit: protect, mayFail: frozen, forAll: true, only: (step) => ['prepare', 'begin', 'prove-target'].includes(step) },
  { name: 'protect, and prune what retention no longer keeps', workflow: 'protect', from: full, submit: protect, mayFail: frozen, only: (step) => ['commit', 'prune'].includes(step) },
  { name: 'protect, and fail when the manifest is written', workflow: 'protect', from: once, submit: protect, ends: 'failed', only: (step) => isUndo(step) || step === 'publish', faults: refusesManifest(0) },
  { name: 'protect, and cancel', workflow: 'protect', from: once, submit: protect, ends: 'cancelled', cancelAt: 'drop-snapshot', only: (step) => isUndo(step) || step === 'drop-snapshot' },
  { name: 'recover, the old site answers', workflow: 'recover', from: once, submit: recover },
  {
    name: 'recover, the old site is dead', workflow: 'recover', from: once, submit: recover, only: (step) => ['begin-failover', 'fence-source', 'boot[]', 'finish'].includes(step),
    outage: ({ sites }) => void sites.emulator.inject({ kind: 'site-down', site: 'site1' }),
  },
  { name: 'recover, and fail when a server boots', workflow: 'recover', from: once, submit: recover, ends: 'failed', only: (step) => isUndo(step) || step === 'boot[]', faults: secondServerFails },
  { name: 'recover, and cancel', workflow: 'recover', from: once, submit: recover, ends: 'cancelled', cancelAt: 'boot[]', only: (step) => isUndo(step) || step === 'boot[]' },
  { name: 'verify with a restore', workflow: 'verify', from: once, submit: verify },
  { name: 'verify root disks with a read', workflow: 'verify', from: imaged, only: (step) => ['verify-chains', 'test-read[]'].includes(step), submit: verify },
  { name: 'protect by images of servers', workflow: 'protect', from: imaged, submit: protect, only: (step) => ['server-image[]', 'carry-image[]', 'drop-images', 'publish'].includes(step) },
  { name: 'protect by images of servers, and fail when the manifest is written', workflow: 'protect', from: imaged, submit: protect, ends: 'failed', only: (step) => undoesImages(step) || step === 'publish', faults: refusesManifest(1) },
  { name: 'protect by images of servers, and cancel', workflow: 'protect', from: imaged, submit: protect, ends: 'cancelled', cancelAt: 'drop-images', only: (step) => undoesImages(step) || step === 'drop-images' },
  { name: 'recover from images of servers', workflow: 'recover', from: imaged, submit: recover, only: (step) => step === 'boot[]' },
  { name: 'purge points of images', workflow: 'purge', from: imaged, submit: purge, only: (step) => step.startsWith('delete-point') },
  { name: 'purge', workflow: 'purge', from: twice, submit: purge },
];
