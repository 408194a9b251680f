import { buildRouteMap } from '@stricli/core';
import { z } from 'zod';
import type { JobRef } from '../api/types.ts';
import type { Cli } from '../cli.ts';
import { command, type Context, integer, string } from '../command.ts';
import { exit } from '../exit-codes.ts';
import type { Column } from '../output/printer.ts';
import { outcome } from './job-outcome.ts';

interface Policy {
  readonly id: string;
  readonly name: string;
  readonly kinds: readonly string[];
  readonly sites: readonly string[];
  readonly source: string;
  readonly mode: string;
  readonly delete: boolean;
  readonly everySeconds: number;
}

const columns: Column<Policy>[] = [
  { key: 'name', header: 'Name', value: (p) => p.name },
  { key: 'kinds', header: 'Kinds', value: (p) => p.kinds, text: (p) => p.kinds.join(', ') },
  { key: 'sites', header: 'Sites', value: (p) => p.sites, text: (p) => p.sites.join(', ') },
  { key: 'source', header: 'Source', value: (p) => p.source },
  { key: 'mode', header: 'Drift is', value: (p) => p.mode, text: (p) => (p.mode === 'repair' ? 'repaired' : 'reported') },
  { key: 'delete', header: 'Deletes', value: (p) => p.delete },
  { key: 'everySeconds', header: 'Every', value: (p) => p.everySeconds, text: (p) => `${p.everySeconds} s` },
  { key: 'id', header: 'ID', value: (p) => p.id },
];

interface CreateFlags {
  readonly kind: readonly string[];
  readonly site: readonly string[];
  readonly source: string;
  readonly name?: readonly string[];
  readonly tag?: readonly string[];
  readonly project?: readonly string[];
  readonly user?: readonly string[];
  readonly repair?: boolean;
  readonly delete?: boolean;
  readonly every?: number;
}

const many = (placeholder: string, brief: string) => ({ kind: 'parsed', parse: string, optional: true, variadic: ',', placeholder, brief }) as const;

const create = command<CreateFlags, [{ name: 'policy'; brief: string }]>({
  brief: 'Declare what is to be alike at several sites',
  args: [{ name: 'policy', brief: 'What it is to be called' }],
  flags: {
    kind: { kind: 'parsed', parse: string, variadic: ',', placeholder: 'KIND', brief: 'security-groups, address-groups, keypairs, server-groups, flavors; several with commas, or repeated' },
    site: { kind: 'parsed', parse: string, variadic: ',', placeholder: 'SITE', brief: 'The sites, with the source' },
    source: { kind: 'parsed', parse: string, placeholder: 'SITE', brief: 'The site that is right; or agreement: whoever changed something last, if only one did' },
    name: many('NAME', 'Only these; * stands for anything'),
    tag: many('TAG', 'Only security groups with one of these tags'),
    project: many('DOMAIN/NAME', 'Of these projects (yours; others for administrators)'),
    user: many('DOMAIN/NAME', 'Keypairs of these users (yours; others for administrators)'),
    repair: { kind: 'boolean', optional: true, withNegated: false, brief: 'The audit repairs drift instead of only reporting it' },
    delete: { kind: 'boolean', optional: true, withNegated: false, brief: 'What came from the source and is gone there goes elsewhere too' },
    every: { kind: 'parsed', parse: integer(10, 86_400), optional: true, placeholder: 'SECONDS', brief: 'Between two audits (300)' },
  },
  run: async (cli, { flags, args }) => {
    const { body } = await cli.api.post<Policy>('/v1/sync-policies', {
      name: args.policy, kinds: flags.kind, sites: flags.site, source: flags.source,
      ...(flags.name !== undefined && { names: flags.name }), ...(flags.tag !== undefined && { tags: flags.tag }),
      ...(flags.project !== undefined && { projects: flags.project }), ...(flags.user !== undefined && { users: flags.user }),
      ...(flags.repair === true && { mode: 'repair' }), ...(flags.delete === true && { delete: true }), ...(flags.every !== undefined && { everySeconds: flags.every }),
    });
    await cli.print.show(body, columns);
  },
});

const list = command({
  brief: 'List sync policies',
  run: async (cli) => cli.print.list((await cli.api.get<{ policies: Policy[] }>('/v1/sync-policies')).policies, columns),
});

const policyArg = [{ name: 'policy', brief: 'Name or id' }] as const;
const path = (policy: string): string => `/v1/sync-policies/${encodeURIComponent(policy)}`;

const remove = command<object, typeof policyArg>({
  brief: 'Forget a sync policy; what it brought stays',
  args: policyArg,
  run: async (cli, { args }) => void (await cli.api.send('DELETE', path(args.policy))),
});

const change = z.looseObject({ site: z.string(), kind: z.string(), key: z.string(), action: z.string(), fields: z.array(z.looseObject({ field: z.string(), from: z.string().optional(), to: z.string().optional() })), outcome: z.string(), message: z.string().optional() });
const reportSchema = z.looseObject({
  policy: z.string(), at: z.string(), compared: z.number(), changes: z.array(change),
  conflicts: z.array(z.looseObject({ site: z.string(), key: z.string(), code: z.string(), reason: z.string() })),
  unreachable: z.array(z.looseObject({ site: z.string(), message: z.string() })),
});
type Report = z.infer<typeof reportSchema>;

const reportColumns: Column<Report>[] = [
  { key: 'policy', header: 'Policy', value: (r) => r.policy },
  { key: 'at', header: 'Looked at', value: (r) => r.at },
  { key: 'compared', header: 'Compared', value: (r) => r.compared },
  { key: 'changes', header: 'Changes', value: (r) => r.changes, text: (r) => String(r.changes.length) },
  { key: 'conflicts', header: 'Conflicts', value: (r) => r.conflicts, text: (r) => String(r.conflicts.length) },
  { key: 'unreachable', header: 'Cannot be asked', value: (r) => r.unreachable, text: (r) => r.unreachable.map((u) => u.site).join(', ') },
];

async function showReport(cli: Cli, raw: unknown): Promise<void> {
  const { data } = reportSchema.safeParse(raw);
  if (!data) return;
  await cli.print.show(data, reportColumns);
  const what = (c: Report['changes'][number]): string => c.fields.map((f) => `${f.field}: ${f.from ?? ''} -> ${f.to ?? ''}`).join('\n');
  cli.print.noteTable(['Site', 'Change', 'Of', 'What', 'Outcome'], data.changes.map((c) => [c.site, c.action, c.key, what(c), c.message === undefined ? c.outcome : `${c.outcome}: ${c.message}`]));
  cli.print.noteTable(['Conflict at', 'Of', 'Why'], data.conflicts.map((c) => [c.site, c.key, c.reason]));
  cli.print.noteTable(['Cannot be asked', 'Why'], data.unreachable.map((u) => [u.site, u.message]));
}

/** Ends with 1 when the sites are not alike, as `diff` does. */
const looked = async (cli: Cli, report: Report): Promise<number> => {
  await showReport(cli, report);
  return report.changes.length > 0 || report.unreachable.length > 0 || report.conflicts.some((c) => c.code !== 'GW_SYNC_EXTRA') ? exit.failed : exit.ok;
};

const diff = command<object, typeof policyArg>({
  brief: 'Show what would be changed; nothing is',
  description: 'Ends with 1 when the sites are not alike.',
  args: policyArg,
  run: async (cli, { args }) => looked(cli, await cli.api.get<Report>(`${path(args.policy)}/diff`)),
});

const drift = command<object, typeof policyArg>({
  brief: 'Show what the last audit found',
  description: 'Ends with 1 when it found something.',
  args: policyArg,
  run: async (cli, { args }) => looked(cli, await cli.api.get<Report>(`${path(args.policy)}/drift`)),
});

const apply = command<{ readonly noWait?: boolean }, typeof policyArg>({
  brief: 'Make the sites alike',
  args: policyArg,
  flags: { noWait: { kind: 'boolean', optional: true, withNegated: false, brief: 'Do not wait for the job' } },
  run: async (cli, { flags, args }) => {
    const { body } = await cli.api.post<JobRef>(`${path(args.policy)}/apply`);
    return await outcome(cli, body, flags.noWait === true, (result) => showReport(cli, result));
  },
});

const policyRoutes = buildRouteMap<string, Context>({ routes: { create, list, delete: remove }, docs: { brief: 'What is to be alike' } });
export const syncRoutes = buildRouteMap<string, Context>({ routes: { policy: policyRoutes, diff, apply, drift }, docs: { brief: 'Keypairs, security groups, flavors and server groups, alike at all sites' } });
