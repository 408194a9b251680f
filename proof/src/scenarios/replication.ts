import { membersOf } from '../world/unit.ts';
import { createVnf } from '../world/vnf.ts';
import type { Beginning, Scenario } from './scenario.ts';
import { inTheWindow, protect, recover, refusesManifest } from './vnf-group.ts';

/** A site has one storage agent: it does one thing after the other, and lets 32 wait. */
const ground = { apart: 'replication', atOnce: 16 };

/** A member of a VNF, with two volumes, of which the storage keeps copies at site2. Only the newest point is kept. */
const replicated: Beginning = {
  name: 'replicated',
  ...ground,
  async prepare({ sites, api, succeeds }, unit) {
    const specs = membersOf(unit).slice(0, 1);
    await createVnf(await sites.cloud('site1'), specs, 40);
    await api.ask('POST', '/v1/groups', { name: unit.name, site: 'site1', recoverySite: 'site2', members: specs.map((m) => m.name), policy: { freezeLimitSeconds: 30, method: 'replication', retain: 1 } });
    await succeeds((await api.ask<{ jobId: string }>('POST', `/v1/groups/${unit.name}/protect`)).jobId);
  },
};

/** Recovered at site2, which promoted its copies by force: the images are primary at both sites. */
const apart: Beginning = {
  name: 'replicated, and primary at both sites',
  ...ground,
  async prepare(stage, unit) {
    await replicated.prepare(stage, unit);
    await stage.succeeds((await recover(stage, unit)).jobId);
  },
};

const move: Scenario['submit'] = ({ api }, { name }) => api.ask('POST', `/v1/groups/${name}/recover`, { to: 'site2', planned: true });
const resync: Scenario['submit'] = ({ api }, { name }) => api.ask('POST', `/v1/groups/${name}/resync`, {});

/** What method replication has of its own. */
export const scenarios: readonly Scenario[] = [
  { name: 'protect by replication', workflow: 'protect', from: replicated, submit: protect, mayFail: inTheWindow('mark-replicas'), only: (step) => ['mark-replicas', 'await-replica[]', 'prune'].includes(step) },
  { name: 'protect by replication, and fail when the manifest is written', workflow: 'protect', from: replicated, submit: protect, ends: 'failed', faults: refusesManifest(0), only: (step) => step === 'undo mark-replicas' },
  { name: 'move by replication', workflow: 'recover', from: replicated, submit: move, only: (step) => ['hand-over', 'restore[]'].includes(step) },
  { name: 'move by replication, and cancel', workflow: 'recover', from: replicated, submit: move, ends: 'cancelled', cancelAt: 'boot[]', only: (step) => ['undo hand-over', 'undo restore[]'].includes(step) },
  { name: 'resync', workflow: 'resync', from: apart, submit: resync },
];
