import { buildRouteMap } from '@stricli/core';
import type { ServiceCheck, Site, SiteCheck } from '../api/types.ts';
import { command, type Context } from '../command.ts';
import { exit } from '../exit-codes.ts';
import { ago, duration } from '../output/humane.ts';
import type { Column } from '../output/printer.ts';

const columns = (now: Date): Column<Site>[] => [
  { key: 'name', header: 'Name', value: (s) => s.name },
  { key: 'state', header: 'State', value: (s) => s.health.state },
  { key: 'since', header: 'Since', value: (s) => s.health.since, text: (s) => ago(s.health.since, now) },
  { key: 'region', header: 'Region', value: (s) => s.region },
  { key: 'authUrl', header: 'Identity URL', value: (s) => s.authUrl },
  { key: 'message', header: 'Message', value: (s) => s.health.message },
];

const list = command({
  brief: 'List the sites and how they are',
  run: async (cli) => cli.print.list((await cli.api.get<{ sites: Site[] }>('/v1/sites')).sites, columns(cli.io.now())),
});

const show = command({
  brief: 'Show a site',
  args: [{ name: 'site', brief: 'Its name' }],
  run: async (cli, { args }) => cli.print.show(await cli.api.get<Site>(`/v1/sites/${encodeURIComponent(args.site)}`), columns(cli.io.now())),
});

type Row = ServiceCheck & { site: string };
const checkColumns: Column<Row>[] = [
  { key: 'site', header: 'Site', value: (c) => c.site },
  { key: 'service', header: 'Service', value: (c) => c.service },
  { key: 'ok', header: 'OK', value: (c) => c.ok, text: (c) => (c.ok ? 'yes' : 'NO') },
  { key: 'version', header: 'Version', value: (c) => c.version },
  { key: 'latencyMs', header: 'Time', value: (c) => c.latencyMs, text: (c) => (c.latencyMs === undefined ? '' : duration(c.latencyMs)) },
  { key: 'code', header: 'Error', value: (c) => c.code },
  { key: 'message', header: 'What', value: (c) => c.message },
  { key: 'action', header: 'What to do', value: (c) => c.action },
];

const check = command({
  brief: 'Try everything that Godwit needs of a site, or of all',
  description: 'For admins. Ends with 1 when something fails.',
  args: [{ name: 'site', brief: 'Its name; left out: all', optional: true }],
  run: async (cli, { args }) => {
    const names = args.site === undefined ? (await cli.api.get<{ sites: Site[] }>('/v1/sites')).sites.map((s) => s.name) : [args.site];
    const checks = await Promise.all(names.map(async (n) => (await cli.api.post<SiteCheck>(`/v1/sites/${encodeURIComponent(n)}/check`)).body));
    await cli.print.list(checks.flatMap((s) => s.checks.map((c): Row => ({ site: s.site, ...c }))), checkColumns);
    return checks.every((c) => c.ok) ? exit.ok : exit.failed;
  },
});

export const siteRoutes = buildRouteMap<'list' | 'show' | 'check', Context>({ routes: { list, show, check }, docs: { brief: 'Sites' } });
