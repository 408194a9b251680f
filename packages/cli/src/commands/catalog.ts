import { buildRouteMap } from '@stricli/core';
import type { RebuildResult } from '../api/types.ts';
import { command, type Context, string } from '../command.ts';
import { noteFindings } from './job-outcome.ts';

const rebuild = command<{ readonly site: string }>({
  brief: 'Read the manifests that lie at a site into the catalogue',
  description: 'For a controller with an empty database. May be run again at any time.',
  flags: { site: { kind: 'parsed', parse: string, placeholder: 'SITE', brief: 'Where the manifests lie' } },
  run: async (cli, { flags }) => {
    const { body } = await cli.api.post<RebuildResult>('/v1/catalog/rebuild', { site: flags.site });
    await cli.print.show(body, [
      { key: 'site', header: 'Site', value: (r) => r.site },
      { key: 'groups', header: 'Groups', value: (r) => r.groups, text: (r) => (r.groups.length === 0 ? 'none' : r.groups.join(', ')) },
      { key: 'points', header: 'Recovery points', value: (r) => r.points, text: (r) => String(r.points.length) },
      { key: 'findings', header: 'Passed over', value: (r) => r.findings, text: (r) => String(r.findings.length) },
    ]);
    noteFindings(cli, body.findings);
  },
});

export const catalogRoutes = buildRouteMap<'rebuild', Context>({ routes: { rebuild }, docs: { brief: 'The catalogue' } });
