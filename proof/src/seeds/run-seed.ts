import { setTimeout as delay } from 'node:timers/promises';
import type { ControllerProcess } from '../controllers/processes.ts';
import { cutConnections } from '../database/troubles.ts';
import type { Lane } from '../boundaries/lane.ts';
import { apiOf, type Api } from '../world/api.ts';
import { patiently } from '../world/until.ts';
import { Watch } from '../world/watch.ts';
import { Crew } from './crew.ts';
import { afterwards } from './afterwards.ts';
import { type Act, scheduleOf, type Schedule } from './schedule.ts';

/** What every seed begins from: sites with the pool's servers, and an empty catalogue. */
export interface Start {
  readonly snapshot: ReturnType<Lane['sites']['emulator']['save']>;
  readonly template: string;
}

export interface SeedRun {
  readonly lane: Lane;
  readonly schedule: Schedule;
  readonly crew: Crew;
  readonly api: Api;
  readonly databaseUrl: string;
  readonly jobs: string[];
}

/** One seed: its groups, its acts and faults, and whether all is well afterwards. What is wrong, in words. */
export async function runSeed(lane: Lane, start: Start, seed: number, processes: ControllerProcess[]): Promise<{ violations: string[]; processes: ControllerProcess[]; log: string }> {
  const schedule = scheduleOf(seed);
  const { emulator } = lane.sites;
  emulator.world.faults.liftAll();
  emulator.restore(start.snapshot);
  const { name, url } = await lane.database.create(start.template);
  while (processes.length < 2) processes.push(lane.victim());
  const crew = await Crew.muster(lane, url, processes);
  const limits = new Map(schedule.groups.flatMap((g) => g.members.map((m) => [m, g.policy.freezeLimitSeconds * 1_000])));
  const watch = new Watch(emulator, { freezeLimitMs: (member) => limits.get(member) ?? Infinity, graceMs: 1_000 });
  const token = (await (await lane.sites.cloud('site2')).session.token()).id;
  const run: SeedRun = { lane, schedule, crew, api: apiOf(() => crew.url, () => Promise.resolve(token), 5_000), databaseUrl: url, jobs: [] };
  const violations: string[] = [];
  try {
    for (const group of schedule.groups) {
      const { members, policy } = group;
      await patiently(() => run.api.ask('POST', '/v1/groups', { name: group.name, site: 'site1', recoverySite: 'site2', members, policy }));
    }
    const under: Promise<unknown>[] = [];
    for (const act of schedule.acts) {
      await delay(act.afterMs);
      under.push(perform(run, name, act).catch((error: unknown) => void violations.push(`${act.act}: ${(error as Error).message}`)));
      if (act.act === 'wait' || act.act.includes('controller')) await under.at(-1);
    }
    await Promise.all(under);
    emulator.world.faults.liftAll();
    violations.push(...(await afterwards(run, start)));
    violations.push(...watch.violations());
  } catch (error) {
    violations.push((error as Error).message);
  } finally {
    watch.stop();
    emulator.world.faults.liftAll();
    if (crew.dead) violations.push(`a controller ended by itself: ${crew.logs().slice(-1_500)}`);
  }
  const left = await crew.dismiss();
  await lane.database.drop(name);
  return { violations, processes: left, log: crew.logs() };
}

async function perform(run: SeedRun, databaseName: string, act: Act): Promise<void> {
  const { api, lane, crew, schedule } = run;
  // Refused, or answered by nobody: that may be, in such times. A defect of Godwit may not.
  const asked = async (path: string, body?: object): Promise<void> => {
    const answer = await api.call<{ jobId?: string; code?: string }>('POST', path, body).catch(() => undefined);
    if (answer?.json?.code === 'GW_INTERNAL') throw new Error(`${path} answered ${JSON.stringify(answer.json)}`);
    if (answer?.json?.jobId !== undefined) run.jobs.push(answer.json.jobId);
  };
  const path = 'group' in act ? `/v1/groups/${schedule.groups[act.group]?.name ?? ''}` : '';
  switch (act.act) {
    case 'protect':
      return asked(`${path}/protect`);
    case 'recover': {
      const group = await api.call<{ activeSite?: string }>('GET', path).catch(() => undefined);
      return asked(`${path}/recover`, { to: group?.json?.activeSite === 'site2' ? 'site1' : 'site2', sourceIsDown: act.sourceIsDown });
    }
    case 'verify': {
      const points = await api.call<{ recoveryPoints?: { id: string; state: string }[] }>('GET', `${path}/recovery-points`).catch(() => undefined);
      const point = points?.json?.recoveryPoints?.findLast((p) => p.state === 'Available');
      return point === undefined ? undefined : asked(`/v1/recovery-points/${point.id}/verify`, { restore: true });
    }
    case 'cancel':
      return run.jobs.length === 0 ? undefined : asked(`/v1/jobs/${run.jobs.at(-1) ?? ''}/cancel`, {});
    case 'wait':
      await lane.quiet(run.databaseUrl, 1_500).catch(() => undefined);
      return;
    case 'fault': {
      const fault = lane.sites.emulator.inject(act.fault);
      await delay(act.forMs);
      fault.lift();
      return;
    }
    case 'kill the controller':
      return crew.kill();
    case 'stop the controller':
      return crew.stop();
    case 'cut the database':
      await cutConnections(lane.database, databaseName);
      return;
  }
}
