import { createVnf, oneWithLocalRoot, twoMembers } from '../world/vnf.ts';
import type { Scenario, Stage } from './scenario.ts';

interface Policy {
  readonly freezeLimitSeconds?: number;
  readonly retain?: number;
  readonly fullEvery?: number;
  readonly method?: 'group-snapshot' | 'server-image';
}

/** A VNF of two members at site1, and its group, protected so many times. */
export const protectedVnf = (times: number, policy: Policy = {}, members = twoMembers) => async ({ sites, api, succeeds }: Stage): Promise<void> => {
  await createVnf(await sites.cloud('site1'), members);
  await api.ask('POST', '/v1/groups', { name: 'vnf', site: 'site1', recoverySite: 'site2', members: ['vnf-db', 'vnf-app'], policy: { freezeLimitSeconds: 30, ...policy } });
  for (let n = 0; n < times; n++) await succeeds((await api.ask<{ jobId: string }>('POST', '/v1/groups/vnf/protect')).jobId);
};

/** By images: one member on volumes, one whose root is no volume. */
const imagedVnf = (times: number, policy: Policy = {}) => protectedVnf(times, { ...policy, method: 'server-image' }, oneWithLocalRoot);

const protect: Scenario['submit'] = ({ api }) => api.ask('POST', '/v1/groups/vnf/protect');
const recover: Scenario['submit'] = ({ api }) => api.ask('POST', '/v1/groups/vnf/recover', { to: 'site2' });

/** Who dies in the freeze window cannot know whether the guests stayed frozen all the while: that point has failed, by design. */
const inTheWindow = (step: string, boundary: string): boolean => step === 'freeze-and-snapshot' && boundary === 'after-effect';
const isUndo = (step: string): boolean => step.startsWith('undo ');
const undoesImages = (step: string): boolean => isUndo(step) && step.includes('-image[');

/** Every way in which the workflows of protection run. */
export const scenarios: readonly Scenario[] = [
  { name: 'protect, incrementally', workflow: 'protect', prepare: protectedVnf(1), submit: protect, mayFail: inTheWindow },
  { name: 'protect for the first time', workflow: 'protect', prepare: protectedVnf(0), submit: protect, mayFail: inTheWindow, only: (step) => ['prepare', 'begin', 'prove-target'].includes(step) },
  { name: 'protect, and prune what retention no longer keeps', workflow: 'protect', prepare: protectedVnf(1, { retain: 1, fullEvery: 1 }), submit: protect, mayFail: inTheWindow, only: (step) => ['commit', 'prune'].includes(step) },
  {
    name: 'protect, and fail when the manifest is written', workflow: 'protect', prepare: protectedVnf(1), submit: protect, ends: 'failed', only: (step) => isUndo(step) || step === 'publish',
    faults: ({ sites }) => void sites.emulator.inject({ kind: 'error', site: 'site2', service: 'image', method: 'POST', path: '^/v2/images$', status: 403 }),
  },
  { name: 'protect, and cancel', workflow: 'protect', prepare: protectedVnf(1), submit: protect, ends: 'cancelled', cancelAt: 'drop-snapshot', only: (step) => isUndo(step) || step === 'drop-snapshot' },
  { name: 'recover, the old site answers', workflow: 'recover', prepare: protectedVnf(1), submit: recover },
  {
    name: 'recover, the old site is dead', workflow: 'recover', prepare: protectedVnf(1), submit: recover, only: (step) => ['begin-failover', 'fence-source', 'boot[]', 'finish'].includes(step),
    faults: ({ sites }) => void sites.emulator.inject({ kind: 'site-down', site: 'site1' }),
  },
  {
    name: 'recover, and fail when a server boots', workflow: 'recover', prepare: protectedVnf(1), submit: recover, ends: 'failed', only: (step) => isUndo(step) || step === 'boot[]',
    faults: ({ sites }) => void sites.emulator.inject({ kind: 'failure', site: 'site2', work: 'spawn', skip: 1 }),
  },
  { name: 'recover, and cancel', workflow: 'recover', prepare: protectedVnf(1), submit: recover, ends: 'cancelled', cancelAt: 'boot[]', only: (step) => isUndo(step) || step === 'boot[]' },
  {
    name: 'verify with a restore', workflow: 'verify', prepare: protectedVnf(1),
    submit: async ({ api }) => {
      const { recoveryPoints } = await api.ask<{ recoveryPoints: { id: string }[] }>('GET', '/v1/groups/vnf/recovery-points');
      return api.ask('POST', `/v1/recovery-points/${recoveryPoints[0]?.id ?? ''}/verify`, { restore: true });
    },
  },
  {
    name: 'verify root disks with a read', workflow: 'verify', prepare: imagedVnf(1), only: (step) => ['verify-chains', 'test-read[]'].includes(step),
    submit: async ({ api }) => {
      const { recoveryPoints } = await api.ask<{ recoveryPoints: { id: string }[] }>('GET', '/v1/groups/vnf/recovery-points');
      return api.ask('POST', `/v1/recovery-points/${recoveryPoints[0]?.id ?? ''}/verify`, { restore: true });
    },
  },
  { name: 'protect by images of servers', workflow: 'protect', prepare: imagedVnf(1), submit: protect, only: (step) => ['server-image[]', 'carry-image[]', 'drop-images', 'publish'].includes(step) },
  {
    name: 'protect by images of servers, and fail when the manifest is written', workflow: 'protect', prepare: imagedVnf(1), submit: protect, ends: 'failed', only: (step) => undoesImages(step) || step === 'publish',
    faults: ({ sites }) => void sites.emulator.inject({ kind: 'error', site: 'site2', service: 'image', method: 'POST', path: '^/v2/images$', status: 403, skip: 1 }),
  },
  { name: 'protect by images of servers, and cancel', workflow: 'protect', prepare: imagedVnf(1), submit: protect, ends: 'cancelled', cancelAt: 'drop-images', only: (step) => undoesImages(step) || step === 'drop-images' },
  { name: 'recover from images of servers', workflow: 'recover', prepare: imagedVnf(1), submit: recover, only: (step) => step === 'boot[]' },
  { name: 'purge points of images', workflow: 'purge', prepare: imagedVnf(1), submit: ({ api }) => api.ask('DELETE', '/v1/groups/vnf?purge=true'), only: (step) => step.startsWith('delete-point') },
  { name: 'purge', workflow: 'purge', prepare: protectedVnf(2), submit: ({ api }) => api.ask('DELETE', '/v1/groups/vnf?purge=true') },
];
