import { buildRouteMap } from '@stricli/core';
import type { Cli } from '../cli.ts';
import { command, type Context, integer, string } from '../command.ts';
import { duration } from '../output/humane.ts';
import type { Column } from '../output/printer.ts';

interface SiteState {
  readonly site: string;
  readonly state: string;
  readonly seenAt?: string;
  readonly ageSeconds?: number;
  readonly message?: string;
}

interface Item {
  readonly site: string;
  readonly kind: string;
  readonly id: string;
  readonly name: string;
  readonly status?: string;
  readonly projectName?: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

interface Answer {
  readonly sites: readonly SiteState[];
  readonly items: readonly Item[];
  readonly total: number;
  readonly next?: string;
}

const plain = (value: unknown): string => (Array.isArray(value) ? value.join(' ') : String(value as string | number | boolean));
const columns: Column<Item>[] = [
  { key: 'kind', header: 'Kind', value: (i) => i.kind },
  { key: 'site', header: 'Site', value: (i) => i.site },
  { key: 'name', header: 'Name', value: (i) => i.name },
  { key: 'status', header: 'Status', value: (i) => i.status },
  { key: 'detail', header: 'Detail', value: (i) => i.detail, text: (i) => Object.entries(i.detail).filter(([, v]) => plain(v) !== '').map(([k, v]) => `${k} ${plain(v)}`).join(', ') },
  { key: 'id', header: 'ID', value: (i) => i.id },
];

/** A site that is not live is always named: what is shown of it is old. */
function noteSites(cli: Cli, sites: readonly SiteState[]): void {
  for (const s of sites) {
    if (s.state === 'live') continue;
    const text = s.state === 'unknown' ? 'cannot be asked, and nothing was ever seen of it' : `cannot be asked: shown as it was ${duration((s.ageSeconds ?? 0) * 1_000)} ago`;
    cli.print.note(`${s.site} ${text}${s.message === undefined ? '' : ` (${s.message})`}`);
  }
}

interface Whose {
  readonly project?: string;
  readonly allProjects?: boolean;
}

interface Flags extends Whose {
  readonly kind?: string;
  readonly site?: string;
  readonly name?: string;
  readonly status?: string;
  readonly limit?: number;
  readonly after?: string;
}

const optional = (placeholder: string, brief: string) => ({ kind: 'parsed', parse: string, optional: true, placeholder, brief }) as const;

async function show(cli: Cli, query: Record<string, string | undefined>): Promise<void> {
  const answer = await cli.api.get<Answer>('/v1/inventory', query);
  if (cli.print.format === 'json' || cli.print.format === 'yaml') {
    await cli.print.show(answer, [{ key: 'items', header: 'Items', value: (a) => a.items }, { key: 'sites', header: 'Sites', value: (a) => a.sites }, { key: 'total', header: 'Total', value: (a) => a.total }, { key: 'next', header: 'Next', value: (a) => a.next }]);
    return;
  }
  await cli.print.list([...answer.items], answer.items.some((i) => i.projectName !== undefined) ? [...columns, { key: 'projectName', header: 'Project', value: (i) => i.projectName }] : columns);
  noteSites(cli, answer.sites);
  if (answer.next !== undefined) cli.print.note(`${answer.items.length} of ${answer.total}; the next: --after '${answer.next}'`);
}

const whoseFlags = {
  project: optional('DOMAIN/NAME', 'Of another project; for administrators'),
  allProjects: { kind: 'boolean', optional: true, withNegated: false, brief: 'Of all projects; for administrators' },
} as const;
const whoseOf = (flags: Whose): Record<string, string | undefined> => ({ project: flags.project, allProjects: flags.allProjects === true ? 'true' : undefined });

const pageFlags = {
  ...whoseFlags,
  site: optional('SITE', 'Only at this site'),
  name: optional('NAME', 'Only of this name; * stands for anything'),
  status: optional('STATUS', 'Only with this status'),
  limit: { kind: 'parsed', parse: integer(1, 1000), optional: true, placeholder: 'N', brief: 'At most so many (100)' },
  after: optional('KEY', 'The next page, as the one before named it'),
} as const;

const queryOf = (flags: Flags): Record<string, string | undefined> => ({ ...whoseOf(flags), kind: flags.kind, site: flags.site, name: flags.name, status: flags.status, limit: flags.limit?.toString(), after: flags.after });

export const inventory = command<Flags>({
  brief: 'Show what the project has at all sites',
  description: 'Of a site that cannot be asked, what it was last seen to have, with its age.',
  flags: { kind: { kind: 'enum', values: ['servers', 'volumes', 'images', 'networks', 'addresses'], optional: true, brief: 'Only of this kind' } as never, ...pageFlags },
  run: async (cli, { flags }) => show(cli, queryOf(flags)),
});

const list = command<Omit<Flags, 'kind'>>({
  brief: 'List every IP and MAC address of the project, at all sites',
  flags: pageFlags,
  run: async (cli, { flags }) => show(cli, queryOf({ ...flags, kind: 'addresses' })),
});

interface Conflict {
  readonly kind: string;
  readonly address: string;
  readonly network?: string;
  readonly holders: readonly { readonly site: string; readonly port: string; readonly network: string; readonly device: string; readonly status: string; readonly project?: string }[];
}

const conflicts = command<Whose>({
  brief: 'List addresses that are used twice',
  flags: whoseFlags,
  run: async (cli, { flags }) => {
    const answer = await cli.api.get<{ sites: SiteState[]; conflicts: Conflict[] }>('/v1/addresses/conflicts', whoseOf(flags));
    const conflictColumns: Column<Conflict>[] = [
      { key: 'kind', header: 'Kind', value: (c) => c.kind },
      { key: 'address', header: 'Address', value: (c) => c.address },
      { key: 'network', header: 'Network', value: (c) => c.network },
      { key: 'holders', header: 'Used by', value: (c) => c.holders, text: (c) => c.holders.map((h) => `${h.site}: port ${h.port} of ${h.device === '' ? 'nobody' : h.device} in ${h.network}${h.project === undefined ? '' : `, ${h.project}`}`).join('\n') },
    ];
    await cli.print.list(answer.conflicts, conflictColumns);
    noteSites(cli, answer.sites);
  },
});

export const addressRoutes = buildRouteMap<string, Context>({ routes: { list, conflicts }, docs: { brief: 'Addresses over all sites' } });

interface UsageRow {
  readonly site: string;
  readonly service: string;
  readonly resource: string;
  readonly inUse: number;
  readonly limit: number;
}

export const usage = command<{ readonly all?: boolean }>({
  brief: 'Show use and limits at all sites',
  flags: { all: { kind: 'boolean', optional: true, withNegated: false, brief: 'Also what is not used' } },
  run: async (cli, { flags }) => {
    const answer = await cli.api.get<{ sites: SiteState[]; usage: UsageRow[]; capacity: { site: string; resource: string; used: number; total: number }[] }>('/v1/usage');
    if (cli.print.format === 'json' || cli.print.format === 'yaml') {
      await cli.print.show(answer, [{ key: 'usage', header: 'Usage', value: (a) => a.usage }, { key: 'capacity', header: 'Capacity', value: (a) => a.capacity }, { key: 'sites', header: 'Sites', value: (a) => a.sites }]);
      return;
    }
    await cli.print.list(answer.usage.filter((u) => flags.all === true || u.inUse > 0), [
      { key: 'site', header: 'Site', value: (u) => u.site },
      { key: 'resource', header: 'Resource', value: (u) => `${u.service}.${u.resource}` },
      { key: 'inUse', header: 'In use', value: (u) => u.inUse },
      { key: 'limit', header: 'Limit', value: (u) => u.limit, text: (u) => (u.limit < 0 ? 'none' : String(u.limit)) },
    ]);
    cli.print.noteTable(['Site', 'Capacity', 'Used', 'Of'], answer.capacity.map((c) => [c.site, c.resource, String(c.used), String(c.total)]));
    noteSites(cli, answer.sites);
  },
});
