import { buildRouteMap } from '@stricli/core';
import { command, type Context, integer, string } from '../command.ts';
import { usageError } from '../errors.ts';
import type { Column } from '../output/printer.ts';

interface Policy {
  readonly id: string;
  readonly name: string;
  readonly project: string;
  readonly sites: readonly string[];
  readonly mode: string;
  readonly limits: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly everySeconds: number;
}

const limitsText = (p: Policy): string => Object.entries(p.limits).flatMap(([service, set]) => Object.entries(set).map(([r, n]) => `${service}.${r}=${n}`)).join(', ');
const columns: Column<Policy>[] = [
  { key: 'name', header: 'Name', value: (p) => p.name },
  { key: 'project', header: 'Project', value: (p) => p.project },
  { key: 'mode', header: 'Mode', value: (p) => p.mode },
  { key: 'sites', header: 'Sites', value: (p) => p.sites, text: (p) => p.sites.join(', ') },
  { key: 'limits', header: 'Limits', value: (p) => p.limits, text: limitsText },
  { key: 'id', header: 'ID', value: (p) => p.id },
];

interface CreateFlags {
  readonly project: string;
  readonly site: readonly string[];
  readonly limit: readonly string[];
  readonly mode?: string;
  readonly every?: number;
}

function limitsOf(list: readonly string[]): Record<string, Record<string, number>> {
  const limits: Record<string, Record<string, number>> = {};
  for (const text of list) {
    const match = /^(compute|volume|network)\.([a-z_A-Z0-9-]+)=(\d+)$/.exec(text);
    if (!match) throw usageError(`not a limit: ${text}`, 'Give it as compute.cores=40, volume.gigabytes=1000 or network.port=50.');
    const [, service = '', resource = '', n = ''] = match;
    (limits[service] ??= {})[resource] = Number(n);
  }
  return limits;
}

const create = command<CreateFlags, [{ name: 'policy'; brief: string }]>({
  brief: 'Declare one limit for a project over all sites',
  args: [{ name: 'policy', brief: 'What it is to be called' }],
  flags: {
    project: { kind: 'parsed', parse: string, placeholder: 'DOMAIN/NAME', brief: 'Whose' },
    site: { kind: 'parsed', parse: string, variadic: ',', placeholder: 'SITE', brief: 'The sites; several with commas, or repeated' },
    limit: { kind: 'parsed', parse: string, variadic: ',', placeholder: 'SERVICE.RESOURCE=N', brief: 'compute.cores=40, volume.gigabytes=1000, network.port=50; several with commas, or repeated' },
    mode: { kind: 'enum', values: ['hard', 'soft'], optional: true, brief: 'hard: all limits together never exceed it; soft: each site may take all that is free (hard)' } as never,
    every: { kind: 'parsed', parse: integer(5, 86_400), optional: true, placeholder: 'SECONDS', brief: 'Between two balancings (60)' },
  },
  run: async (cli, { flags, args }) => {
    const { body } = await cli.api.post<Policy>('/v1/quota-policies', {
      name: args.policy, project: flags.project, sites: flags.site, limits: limitsOf(flags.limit), ...(flags.mode !== undefined && { mode: flags.mode }), ...(flags.every !== undefined && { everySeconds: flags.every }),
    });
    await cli.print.show(body, columns);
  },
});

const list = command({
  brief: 'List quotas over sites',
  run: async (cli) => cli.print.list((await cli.api.get<{ policies: Policy[] }>('/v1/quota-policies')).policies, columns),
});

const policyArg = [{ name: 'policy', brief: 'Name or id' }] as const;

const remove = command<object, typeof policyArg>({
  brief: 'Forget a quota over sites; the sites keep their last limits',
  args: policyArg,
  run: async (cli, { args }) => void (await cli.api.send('DELETE', `/v1/quota-policies/${encodeURIComponent(args.policy)}`)),
});

interface Row {
  readonly service: string;
  readonly resource: string;
  readonly site: string;
  readonly reachable: boolean;
  readonly use?: number;
  readonly limit?: number;
  readonly balanced?: number;
  readonly global: number;
}

const rowColumns: Column<Row>[] = [
  { key: 'resource', header: 'Resource', value: (r) => `${r.service}.${r.resource}` },
  { key: 'site', header: 'Site', value: (r) => r.site },
  { key: 'use', header: 'Use', value: (r) => r.use, text: (r) => (r.reachable ? String(r.use ?? '') : 'cannot be asked') },
  { key: 'limit', header: 'Limit was', value: (r) => r.limit },
  { key: 'balanced', header: 'Limit is to be', value: (r) => r.balanced, text: (r) => String(r.balanced ?? 'as it was') },
  { key: 'global', header: 'Over all', value: (r) => r.global },
];

const balance = command<{ readonly dryRun?: boolean }, typeof policyArg>({
  brief: 'Set each site’s limit by the use elsewhere, now',
  args: policyArg,
  flags: { dryRun: { kind: 'boolean', optional: true, withNegated: false, brief: 'Only show what it would be' } },
  run: async (cli, { flags, args }) => {
    const { body } = await cli.api.post<{ rows: Row[] }>(`/v1/quota-policies/${encodeURIComponent(args.policy)}/balance`, { dryRun: flags.dryRun === true });
    await cli.print.list(body.rows, rowColumns);
  },
});

export const quotaRoutes = buildRouteMap<string, Context>({ routes: { create, list, delete: remove, balance }, docs: { brief: 'One limit over all sites' } });
