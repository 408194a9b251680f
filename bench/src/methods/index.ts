import { createVnf, emptyProject, freshGroup, godwitOk, startController, startStorage, wipeMirrors, type CliOptions, type Lab, type VnfMember } from '@godwit/lab';
import { clear, timed } from '../recovered.ts';
import { typedProtect, typedRecover, typedTidy, type TypedPoint } from '../typed.ts';
import type { Bench } from '../types.ts';
import { costOf, type Cost } from './measure.ts';
import { report } from './report.ts';
import type { Protected, Recovery, Way } from './types.ts';

interface Point {
  readonly id: string;
  readonly frozenAt: string;
  readonly freezeWindowMs: number;
}

const sites = ['site1', 'site2'] as const;
const backedUp = ['group-snapshot', 'server-image'] as const;
const typedName = 'openstack client, typed';

/**
 * The same VNF by every method in one run: each makes points, site1 is killed, each brings the VNF back at site2; and the same typed.
 * Replication comes last: its images must have no other snapshots, and its volumes are not Cinder's to delete.
 */
export const methodsBench: Bench = async (lab, { say }) => {
  const controller = await startController(lab);
  const cli: CliOptions = { url: controller.url };
  try {
    for (const site of sites) await startStorage(lab, { ...cli, cloud: 'site2-godwit' }, site);
    for (const site of sites) await wipeMirrors(lab, site);
    await Promise.all(sites.map((site) => emptyProject(lab, site)));
    say('Booting the VNF …');
    const members = await createVnf(lab, 'site1');
    const costs = new Map<string, Protected>();
    const told = (p: Protected): void => {
      costs.set(p.method, p);
      say(`${p.method}: stall ${p.stallMs} ms, counts after ${p.countsSeconds.toFixed(1)} s, ${(p.storedBytes / 1e6).toFixed(1)} MB stored, ${(p.wanBytes / 1e6).toFixed(1)} MB over the WAN`);
    };
    for (const method of backedUp) told(await protectBy(lab, cli, members, method));
    const typed = await protectTyped(lab, members);
    told(typed.cost);
    told(await protectBy(lab, cli, members, 'replication'));
    await lab.killSite('site1');
    say('site1 is gone.');
    const ways: Way[] = [];
    const back = (method: string, recovery: Recovery): void => {
      const cost = costs.get(method);
      if (cost) ways.push({ ...cost, recovery });
      say(`${method}: both ACTIVE after ${recovery.activeSeconds.toFixed(1)} s, both writers after ${recovery.writersSeconds.toFixed(1)} s`);
    };
    for (const method of backedUp) {
      back(method, await recoverBy(lab, cli, method));
      await clear(lab);
    }
    back(typedName, await timed(lab, () => typedRecover(lab, members, typed.point)));
    await clear(lab);
    back('replication', await recoverBy(lab, cli, 'replication'));
    return report(ways);
  } finally {
    await controller.stop();
  }
};

const groupOf = (method: string): string => `by-${method}`;
const seconds = (from: number, to: number): number => (to - from) / 1_000;

/** The first point is a whole one; the next two follow each other without a pause, and the last is measured. */
async function protectBy(lab: Lab, cli: CliOptions, members: readonly VnfMember[], method: string): Promise<Protected> {
  await freshGroup(lab, cli, groupOf(method), members, '--method', method);
  const protect = (): Promise<Point> => godwitOk<Point>(lab, cli, 'protect', groupOf(method));
  await protect();
  const before = await protect();
  const cost = await costOf(lab, members, async () => ({ ...(await protect()), ended: Date.now() }));
  const { frozenAt, freezeWindowMs, ended } = cost.value;
  return { method, atOneInstant: method !== 'server-image', windowMs: freezeWindowMs, ...times(Date.parse(before.frozenAt), Date.parse(frozenAt), ended), ...bytes(cost) };
}

async function protectTyped(lab: Lab, members: readonly VnfMember[]): Promise<{ cost: Protected; point: TypedPoint }> {
  const before = await typedProtect(lab, members, 'typed-1');
  await typedTidy(lab, members, 'typed-1');
  const cost = await costOf(lab, members, async () => ({ ...(await typedProtect(lab, members, 'typed-2')), ended: Date.now() }));
  await typedTidy(lab, members, 'typed-2');
  const { point, frozenAt, ended } = cost.value;
  return { point, cost: { method: typedName, atOneInstant: false, ...times(before.frozenAt, frozenAt, ended), ...bytes(cost) } };
}

/** Lost at worst is what was written since the point before, in the moment before this one counts. */
const times = (before: number, frozenAt: number, ended: number) => ({ countsSeconds: seconds(frozenAt, ended), rpoSeconds: seconds(before, ended) });
const bytes = ({ stallMs, storedBytes, wanBytes }: Cost<unknown>) => ({ stallMs, storedBytes, wanBytes });

interface Step {
  readonly name: string;
  readonly startedAt?: string;
  readonly endedAt?: string;
}

async function recoverBy(lab: Lab, cli: CliOptions, method: string): Promise<Recovery> {
  const timing = await timed(lab, async () => (await godwitOk<{ servers: { id: string }[] }>(lab, cli, 'recover', groupOf(method), '--to', 'site2', '--yes')).servers.map((s) => s.id));
  const jobs = await godwitOk<{ id: string; workflow: string; group?: string }[]>(lab, cli, 'job', 'list');
  const job = jobs.find((j) => j.workflow === 'recover' && j.group === groupOf(method));
  const { steps } = await godwitOk<{ steps: Step[] }>(lab, cli, 'job', 'show', job?.id ?? '');
  const bootSeconds = steps.filter((s) => s.name.startsWith('boot[')).reduce((n, s) => n + seconds(Date.parse(s.startedAt ?? ''), Date.parse(s.endedAt ?? '')), 0);
  return { ...timing, bootSeconds };
}
