import type { Lane } from '../boundaries/lane.ts';
import { daemonsBack } from '../boundaries/ground.ts';
import type { ControllerProcess } from '../controllers/processes.ts';
import { apiOf } from '../world/api.ts';
import { JobPoll } from '../world/catalogue.ts';
import { type Unit, unitOf } from '../world/unit.ts';
import { patiently } from '../world/until.ts';
import { createVnf, type MemberSpec } from '../world/vnf.ts';
import { Watch } from '../world/watch.ts';
import { afterwards, type Ends, patienceMs } from './afterwards.ts';
import { Crew } from './crew.ts';
import { leftOver } from './left-over.ts';
import { perform } from './perform.ts';
import type { Played, Scene } from './played.ts';
import { type GroupPlan, scheduleOf, troublesOf, worldOf, worldWidth } from './schedule.ts';
import { befallWorld } from './trouble.ts';

/** What every world begins from: empty sites and an empty catalogue. */
export interface Start {
  readonly snapshot: ReturnType<Lane['sites']['emulator']['save']>;
  readonly template: string;
  /** Controllers that live: they serve in world after world. */
  processes: ControllerProcess[];
}

/** Sites without a VNF, and a catalogue of which a controller has made the tables. */
export async function prepare(lane: Lane): Promise<Start> {
  const { name, url } = await lane.database.create();
  await lane.survivor.open(lane.order(url));
  await lane.survivor.close();
  return { snapshot: lane.sites.emulator.save(), template: name, processes: [lane.survivor] };
}

const specsOf = ({ name, n }: Unit, { members }: GroupPlan): MemberSpec[] =>
  members.map(({ volumes }, i) => ({
    name: `${name}-m${i}`, ip: `10.50.${n}.${11 + i}`, mac: `fa:16:3e:50:${n.toString(16).padStart(2, '0')}:${(0x11 + i).toString(16)}`,
    ...(volumes === 0 ? { localRoot: true } : { volumes }),
  }));

/**
 * Seeds of one world, side by side: each does with a group of its own what its schedule says, while the world's troubles befall all. Then all
 * faults are lifted, and everything must be well. What was wrong, by seed.
 */
export async function playWorld(lane: Lane, start: Start, seeds: readonly number[], tell: (what: string) => void): Promise<{ readonly wrong: ReadonlyMap<number, readonly string[]>; readonly ends: Ends; readonly log: string }> {
  const { emulator } = lane.sites;
  emulator.restore(start.snapshot);
  await daemonsBack(emulator);
  const database = await lane.database.create(start.template);
  while (start.processes.length < 2) start.processes.push(lane.victim());
  const played = seeds.map((seed): Played => ({ seed, unit: unitOf(seed % worldWidth), schedule: scheduleOf(seed), jobs: [], epochs: new Set(), wrong: [] }));
  const crew = await Crew.muster(lane, database.url, start.processes);
  const token = await lane.token();
  const scene: Scene = { lane, crew, database, api: apiOf(() => crew.url, () => Promise.resolve(token), 10_000), jobs: new JobPoll(lane.database, database.url) };
  const limits = new Map(played.map(({ unit, schedule }) => [unit.name, schedule.group.policy.freezeLimitSeconds * 1_000]));
  const watch = new Watch(emulator, { freezeLimitMs: (member) => limits.get(member.split('-')[0] ?? '') ?? Infinity, graceMs: 1_000 }, 50);
  const ofAll: string[] = [];
  let ends: Ends = {};
  try {
    await Promise.all(played.map(async ({ unit, schedule: { group } }) => {
      const specs = specsOf(unit, group);
      await createVnf(await lane.sites.cloud('site1'), specs, 40);
      // On a busy machine the first answer may come too late, and the second then says that it is there.
      await patiently(() => scene.api.ask('POST', '/v1/groups', { name: unit.name, site: 'site1', recoverySite: 'site2', members: specs.map((m) => m.name), policy: group.policy })).catch((error: unknown) => {
        if (!(error as Error).message.includes('GW_GROUP_EXISTS')) throw error;
      });
    }));
    tell('groups are there');
    await Promise.all(played.filter((p) => p.schedule.protectedBefore).map(async ({ unit }) => {
      const { jobId } = await patiently(() => scene.api.ask<{ jobId: string }>('POST', `/v1/groups/${unit.name}/protect`, {}));
      await scene.jobs.ended(jobId, patienceMs);
    }));
    tell('most are protected');
    await Promise.all([befallWorld(scene, troublesOf(worldOf(seeds[0] ?? 0))), ...played.map((p) => perform(scene, p).catch((error: unknown) => void p.wrong.push((error as Error).message)))]);
    tell('all has happened');
    emulator.world.faults.liftAll();
    await daemonsBack(emulator);
    ends = await afterwards(scene, played, tell);
    ofAll.push(...(await leftOver(scene, played)));
  } catch (error) {
    ofAll.push((error as Error).message);
  } finally {
    emulator.world.faults.liftAll();
    for (const violation of watch.violations()) (played.find((p) => violation.includes(`${p.unit.name}-`))?.wrong ?? ofAll).push(violation);
    watch.stop();
    if (crew.dead) ofAll.push(`a controller ended by itself: ${crew.logs().slice(-1_500)}`);
    start.processes = await crew.dismiss();
    await lane.database.drop(database.name);
  }
  for (const p of played) p.wrong.push(...ofAll.map((w) => `of one of the seeds of its world: ${w}`));
  return { wrong: new Map(played.filter((p) => p.wrong.length > 0).map((p) => [p.seed, p.wrong])), ends, log: crew.logs() };
}
