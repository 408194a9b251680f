import { buildRouteMap } from '@stricli/core';
import type { QuiesceResult } from '../api/types.ts';
import { command, type Context, integer, string } from '../command.ts';
import { ago, duration } from '../output/humane.ts';
import type { Column } from '../output/printer.ts';

const site = { kind: 'parsed', parse: string, placeholder: 'SITE', brief: 'Where it runs' } as const;
const url = (at: string, server: string, what: string): string => `/v1/sites/${encodeURIComponent(at)}/servers/${encodeURIComponent(server)}/${what}`;

const columns = (now: Date): Column<QuiesceResult>[] => [
  { key: 'server', header: 'Server', value: (r) => r.server },
  { key: 'site', header: 'Site', value: (r) => r.site },
  { key: 'frozen', header: 'Frozen', value: (r) => r.frozen, text: (r) => (r.frozen ? 'yes' : 'no') },
  { key: 'elapsedMs', header: 'Took', value: (r) => r.elapsedMs, text: (r) => duration(r.elapsedMs) },
  { key: 'thawsAt', header: 'Thaws by itself', value: (r) => r.thawsAt, text: (r) => (r.thawsAt === undefined ? '' : ago(r.thawsAt, now)) },
];

interface QuiesceFlags {
  readonly site: string;
  readonly limit?: number;
}

const quiesce = command<QuiesceFlags, [{ name: 'server'; brief: string }]>({
  brief: 'Freeze the file systems of a server’s guest',
  description: 'The site’s own broker thaws it when the limit is reached, whatever becomes of Godwit.',
  args: [{ name: 'server', brief: 'Name or id' }],
  flags: {
    site,
    limit: { kind: 'parsed', parse: integer(1, 300), optional: true, placeholder: 'SECONDS', brief: 'Thawed by itself after this (default 30)' },
  },
  run: async (cli, { flags, args }) => {
    const { body } = await cli.api.post<QuiesceResult>(url(flags.site, args.server, 'quiesce'), flags.limit === undefined ? {} : { limitSeconds: flags.limit });
    await cli.print.show(body, columns(cli.io.now()));
  },
});

const unquiesce = command<{ readonly site: string }, [{ name: 'server'; brief: string }]>({
  brief: 'Thaw them',
  args: [{ name: 'server', brief: 'Name or id' }],
  flags: { site },
  run: async (cli, { flags, args }) => {
    const { body } = await cli.api.post<QuiesceResult>(url(flags.site, args.server, 'unquiesce'));
    await cli.print.show(body, columns(cli.io.now()));
  },
});

export const serverRoutes = buildRouteMap<'quiesce' | 'unquiesce', Context>({ routes: { quiesce, unquiesce }, docs: { brief: 'Servers: freeze and thaw' } });
