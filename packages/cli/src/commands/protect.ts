import { z } from 'zod';
import type { JobRef, RecoveryPoint, Report } from '../api/types.ts';
import type { Cli } from '../cli.ts';
import { command } from '../command.ts';
import { outcome, showReport } from './job-outcome.ts';
import { showPoint } from './recovery-point.ts';

interface Flags {
  readonly dryRun?: boolean;
  readonly noWait?: boolean;
}

export const protect = command<Flags, [{ name: 'group'; brief: string }]>({
  brief: 'Make a recovery point of a group',
  description: 'Freezes the members in order, takes one group snapshot, thaws them, backs the volumes up and brings the backups to the recovery site. Ends with 5 when a check beforehand finds something: nothing was changed then.',
  args: [{ name: 'group', brief: 'Name or id' }],
  flags: {
    dryRun: { kind: 'boolean', optional: true, withNegated: false, brief: 'Only check whether it could' },
    noWait: { kind: 'boolean', optional: true, withNegated: false, brief: 'Do not wait for the job' },
  },
  run: async (cli, { flags, args }) => {
    const url = `/v1/groups/${encodeURIComponent(args.group)}/protect`;
    if (flags.dryRun === true) return await showReport(cli, (await cli.api.post<Report>(url, { dryRun: true })).body);
    const { body } = await cli.api.post<JobRef>(url);
    return await outcome(cli, body, flags.noWait === true, (result) => showMade(cli, result));
  },
});

/** The job tells the point that it made, or its id. */
const resultSchema = z.looseObject({ point: z.union([z.looseObject({ id: z.string() }), z.string()]) });

async function showMade(cli: Cli, result: unknown): Promise<void> {
  const { data } = resultSchema.safeParse(result);
  if (!data) return;
  const id = typeof data.point === 'string' ? data.point : data.point.id;
  await showPoint(cli, await cli.api.get<RecoveryPoint>(`/v1/recovery-points/${encodeURIComponent(id)}`));
}
