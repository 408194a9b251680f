import { dataFaults } from '../boundaries/judge.ts';
import type { JobRow } from '../world/catalogue.ts';
import { guestInconsistencies } from '../world/guest-data.ts';
import { serverRows } from '../world/inventory.ts';
import { patiently, until } from '../world/until.ts';
import { other, type Played, type Scene } from './played.ts';

interface Group {
  readonly id: string;
  readonly state: string;
  readonly activeSite: string;
  readonly epoch: number;
  readonly members: readonly { readonly serverId: string }[];
}
interface Point {
  readonly id: string;
  readonly sequence: number;
  readonly state: string;
  readonly recoverySite: string;
  readonly consistency?: string;
}

/** Codes that no trouble at a site excuses. */
const defects = new Set(['GW_INTERNAL', 'GW_UNEXPECTED', 'GW_WORKFLOW_STEP', 'GW_WORKFLOW_CHANGED', 'GW_JOB_ABANDONED', 'GW_UNSAFE_OBJECT_VERSION']);
/** On a busy machine a window may be late, or a controller that lives be taken for dead: the answer says to protect again. */
const busy = new Set(['GW_WINDOW_OVERRUN', 'GW_WINDOW_INTERRUPTED']);

export const patienceMs = 300_000;

/** Of the jobs that ran in the midst of all, how many ended how: `protect failed`. */
export type Ends = Readonly<Record<string, number>>;

/**
 * All faults are over. Then every job ends, every recovery point that counts is there and whole, and each group can be protected, recovered with
 * sound data and purged, as if nothing had happened.
 */
export async function afterwards(scene: Scene, played: readonly Played[], tell: (what: string) => void): Promise<Ends> {
  const { lane, database: { url } } = scene;
  const jobs = await lane.quiet(url, patienceMs, 100).catch(() => undefined);
  if (jobs === undefined) {
    const open = await lane.database.query<{ name: string }>(url, `
      SELECT j.labels->>'groupName' AS name, j.workflow, j.state, j.executor, (SELECT string_agg(s.name || ' ' || s.attempts || '× ' || coalesce(s.error::text, ''), '; ') FROM godwit_job_steps s WHERE s.job_id = j.id AND s.state = 'running') AS at
      FROM godwit_jobs j WHERE j.ended_at IS NULL`);
    for (const p of played) p.wrong.push(...open.filter((j) => j.name === p.unit.name).map((j) => `a job does not end: ${JSON.stringify(j)}`));
  }
  tell('jobs have ended');
  const ends: Record<string, number> = {};
  for (const { workflow, state } of jobs ?? []) ends[`${workflow} ${state}`] = (ends[`${workflow} ${state}`] ?? 0) + 1;
  const groupNames = new Map((await lane.database.query<{ id: string; name: string }>(url, `SELECT id, labels->>'groupName' AS name FROM godwit_jobs`)).map((j) => [j.id, j.name]));
  for (const job of jobs ?? []) {
    if (job.error === null || !defects.has(job.error.code)) continue;
    played.find((p) => p.unit.name === groupNames.get(job.id))?.wrong.push(`a ${job.workflow} job ended with a defect: ${JSON.stringify(job.error)}`);
  }
  const data = dataFaults(lane, played.filter((p) => p.schedule.group.policy.method === 'group-snapshot').map((p) => p.unit));
  for (const p of played) p.wrong.push(...(data.get(p.unit) ?? []));
  await Promise.all(played.filter((p) => p.wrong.length === 0).map((p) => one(scene, p).catch((error: unknown) => void p.wrong.push(`when all is well again: ${(error as Error).message}`))));
  tell('each was recovered and purged');
  return ends;
}

async function one(scene: Scene, p: Played): Promise<void> {
  const { lane, api, jobs } = scene;
  const { unit: { name }, schedule, wrong, epochs } = p;
  const path = `/v1/groups/${name}`;
  const asked: typeof api.ask = (...what) => patiently(() => api.ask(...what));
  const step = async (what: string, submit: () => Promise<{ jobId: string }>, tries = 1): Promise<boolean> => {
    const job: JobRow = await jobs.ended((await submit()).jobId, patienceMs);
    if (job.state === 'succeeded') return true;
    if (tries > 1 && busy.has(job.error?.code ?? '')) return step(what, submit, tries - 1);
    wrong.push(`when all is well again: ${what} ended as ${job.state}: ${JSON.stringify(job.error)}`);
    return false;
  };
  const seen = await patiently(() => api.call<Group>('GET', path));
  if (seen.status === 404) return;
  const group = await asked<Group>('GET', path);
  if (group.state === 'Protecting' || group.state === 'FailingOver') wrong.push(`it is ${group.state}, though no job is under way`);
  await startMembers(scene, group);
  const points = (await asked<{ recoveryPoints: Point[] }>('GET', `${path}/recovery-points`)).recoveryPoints;
  // What a purge has begun to delete, and then could not, is not lost but half gone; it counts no more.
  if (!schedule.acts.some((a) => a.act === 'purge')) wrong.push(...(await lostPoints(scene, group, points)));
  for (const point of points) {
    if (point.state === 'Pending') wrong.push(`recovery point ${point.sequence} is left Pending`);
    if (point.state !== 'Available') continue;
    const verified = await asked<{ ok: boolean; findings: unknown[] }>('POST', `/v1/recovery-points/${point.id}/verify`, {});
    if (!verified.ok) wrong.push(`recovery point ${point.sequence} counts, and is not whole: ${JSON.stringify(verified.findings)}`);
  }
  const to = other(group.activeSite);
  const there = points.some((point) => point.state === 'Available' && point.recoverySite === to);
  if ((schedule.protectedAgain || !there) && !(await step('protect', () => asked('POST', `${path}/protect`, {}), 3))) return;
  epochs.add(`${group.id}/${group.epoch}`);
  // The stopped copies that an earlier recovery left there hold the addresses, until a person deletes them.
  const occupied = serverRows(lane.sites.emulator).some((r) => r['site'] === to && String(r['name']).startsWith(`${name}-`));
  if (!occupied && !(await recovered(scene, p, to, step))) return;
  await step('purge', () => asked('DELETE', `${path}?purge=true`));
}

/** Runs at the other site, all members and with sound data. */
async function recovered({ lane, api }: Scene, { unit, schedule, wrong, epochs }: Played, to: string, step: (what: string, submit: () => Promise<{ jobId: string }>) => Promise<boolean>): Promise<boolean> {
  const path = `/v1/groups/${unit.name}`;
  const asked: typeof api.ask = (...what) => patiently(() => api.ask(...what));
  if (!(await step('recover', () => asked('POST', `${path}/recover`, { to })))) return false;
  const group = await asked<Group>('GET', path);
  if (group.activeSite !== to) wrong.push(`it was recovered to ${to}, and is said to be active at ${group.activeSite}`);
  epochs.add(`${group.id}/${group.epoch}`);
  const servers = serverRows(lane.sites.emulator).filter((r) => group.members.some((m) => m.serverId === r['id']));
  if (servers.length !== schedule.group.members.length || servers.some((r) => r['frozenSince'] === undefined || r['site'] !== to)) wrong.push(`of its members, ${servers.map((r) => `${String(r['name'])} (${String(r['status'])})`).join(', ')} are at ${to}`);
  const from = (await asked<{ recoveryPoints: Point[] }>('GET', `${path}/recovery-points`)).recoveryPoints.findLast((point) => point.state === 'Available' && point.recoverySite === to);
  // An image that Nova made of a guest that could not be frozen is as after a power cut, and says so.
  if (from?.consistency !== 'none') for (const server of servers) wrong.push(...guestInconsistencies(lane.sites.emulator, server));
  return true;
}

/** The newest point that a protect has told of must be there: retention keeps at least that one. */
async function lostPoints({ lane, database: { url } }: Scene, group: Group, points: readonly Point[]): Promise<string[]> {
  const [newest] = await lane.database.query<{ id: string; state: string }>(url, `SELECT result->'point'->>'id' AS id FROM godwit_jobs WHERE workflow = 'protect' AND state = 'succeeded' AND labels->>'group' = $1 ORDER BY ended_at DESC LIMIT 1`, [group.id]);
  if (newest === undefined || points.some((p) => p.id === newest.id && p.state === 'Available')) return [];
  return [`recovery point ${newest.id}, which a protect job told of, is ${points.find((p) => p.id === newest.id)?.state ?? 'gone'}`];
}

/** A hypervisor that lost its power does not start its guests by itself: the operator does. */
async function startMembers({ lane }: Scene, group: Group): Promise<void> {
  const cloud = await lane.sites.cloud(group.activeSite);
  await Promise.all(group.members.map(async ({ serverId }) => {
    await until(`server ${serverId} of the group runs`, async () => {
      const now = await cloud.compute.servers.get(serverId);
      if (now.locked === true) throw new Error(`${now.name} at ${group.activeSite}, where its group is active, is locked: ${String(now.locked_reason)}`);
      if (now.status === 'SHUTOFF' && !now['OS-EXT-STS:task_state']) await cloud.compute.servers.start(serverId).catch(() => undefined);
      return now.status === 'ACTIVE' ? true : undefined;
    }, 20_000, 50);
  }));
}
