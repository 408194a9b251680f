import type { Lab } from '../index.ts';
import { godwit, godwitOk, type CliOptions } from './godwit.ts';
import { eventually } from './wait.ts';
import type { VnfMember } from './vnf.ts';

/** Waits until nothing is being done any more: an interrupted run's jobs go on when a controller is there again. */
export async function jobsEnd(lab: Lab, cli: CliOptions): Promise<void> {
  const ended = ['succeeded', 'failed', 'cancelled'];
  await eventually('the jobs of an earlier run to end', async () => (await godwitOk<{ state: string }[]>(lab, cli, 'job', 'list')).every((j) => ended.includes(j.state)), { timeoutMs: 900_000, everyMs: 2_000 });
}

/** A protection group of these members, anew: one of that name that an earlier run left is forgotten first, once its jobs have ended. */
export async function freshGroup(lab: Lab, cli: CliOptions, name: string, members: readonly VnfMember[], ...flags: string[]): Promise<void> {
  await jobsEnd(lab, cli);
  await godwit(lab, cli, 'group', 'delete', name, '--yes');
  await godwitOk(lab, cli, 'group', 'create', name, '--site', 'site1', '--recovery-site', 'site2', ...members.flatMap((m) => ['--member', m.name]), ...flags);
}
