import { z } from 'zod';
import type { JobRef, Report } from '../api/types.ts';
import { type Cli, confirmed } from '../cli.ts';
import { command, string } from '../command.ts';
import { duration } from '../output/humane.ts';
import type { Column } from '../output/printer.ts';
import { outcome, showReport } from './job-outcome.ts';

interface Flags {
  readonly to: string;
  readonly point?: string;
  readonly sourceIsDown?: boolean;
  readonly planned?: boolean;
  readonly dryRun?: boolean;
  readonly noWait?: boolean;
  readonly yes?: boolean;
}

const flag = (brief: string) => ({ kind: 'boolean', optional: true, withNegated: false, brief }) as const;

export const recover = command<Flags, [{ name: 'group'; brief: string }]>({
  brief: 'Bring a group up at a site',
  description: 'Fences what is left of it elsewhere, restores its volumes side by side, gives its servers their old addresses and boots them in order. Needs nothing of the lost site.',
  args: [{ name: 'group', brief: 'Name or id' }],
  flags: {
    to: { kind: 'parsed', parse: string, placeholder: 'SITE', brief: 'Where' },
    point: { kind: 'parsed', parse: string, optional: true, placeholder: 'ID', brief: 'Recovery point; left out: the newest' },
    sourceIsDown: flag('You vouch that nothing of it runs elsewhere: do not wait for a dead hypervisor'),
    planned: flag('The site it leaves hands its storage over: nothing is lost (method replication, both sites up)'),
    dryRun: flag('Only check whether it could'),
    noWait: flag('Do not wait for the job'),
    yes: flag('Do not ask'),
  },
  run: async (cli, { flags, args }) => {
    const url = `/v1/groups/${encodeURIComponent(args.group)}/recover`;
    const body = { to: flags.to, ...(flags.point !== undefined && { point: flags.point }), ...(flags.planned === true && { planned: true }) };
    if (flags.dryRun === true) return await showReport(cli, (await cli.api.post<Report>(url, { ...body, dryRun: true })).body);
    await confirmed(cli, flags.yes === true, `Bring group ${args.group} up at ${flags.to}? What runs of it elsewhere is shut out.`);
    const answer = await cli.api.post<JobRef>(url, { ...body, ...(flags.sourceIsDown === true && { sourceIsDown: true }) });
    return await outcome(cli, answer.body, flags.noWait === true, (result) => showRecovered(cli, result));
  },
});

const resultSchema = z.looseObject({
  group: z.string(),
  point: z.string(),
  site: z.string(),
  epoch: z.number(),
  servers: z.array(z.looseObject({ name: z.string(), id: z.string(), bootedAt: z.string(), ports: z.array(z.looseObject({ mac: z.string(), ips: z.array(z.string()) })) })),
  rpoSeconds: z.number(),
  rtoSeconds: z.number(),
  sourceFenced: z.boolean(),
  alreadyActive: z.boolean(),
});
type Recovered = z.infer<typeof resultSchema>;

const columns: Column<Recovered>[] = [
  { key: 'group', header: 'Group', value: (r) => r.group },
  { key: 'site', header: 'Active at', value: (r) => r.site, text: (r) => (r.alreadyActive ? `${r.site} (already)` : r.site) },
  { key: 'point', header: 'Recovery point', value: (r) => r.point },
  { key: 'epoch', header: 'Epoch', value: (r) => r.epoch },
  { key: 'rpoSeconds', header: 'RPO', value: (r) => r.rpoSeconds, text: (r) => duration(r.rpoSeconds * 1000) },
  { key: 'rtoSeconds', header: 'RTO', value: (r) => r.rtoSeconds, text: (r) => duration(r.rtoSeconds * 1000) },
  { key: 'sourceFenced', header: 'Lost site fenced', value: (r) => r.sourceFenced, text: (r) => (r.sourceFenced ? 'yes' : 'when it comes back') },
];

async function showRecovered(cli: Cli, result: unknown): Promise<void> {
  const { data } = resultSchema.safeParse(result);
  if (!data) return;
  await cli.print.show(data, columns);
  cli.print.noteTable(
    ['Server', 'ID', 'Addresses', 'Booted'],
    data.servers.map((s) => [s.name, s.id, s.ports.map((p) => `${p.mac} ${p.ips.join(' ')}`).join('\n'), s.bootedAt]),
  );
}
