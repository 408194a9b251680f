import { buildRouteMap } from '@stricli/core';
import { command, type Context, integer, string } from '../command.ts';
import type { Column } from '../output/printer.ts';

interface Policy {
  readonly id: string;
  readonly name: string;
  readonly source: string;
  readonly sites: readonly string[];
  readonly mode: string;
  readonly images?: readonly string[];
  readonly tags?: readonly string[];
  readonly pause: string;
  readonly everySeconds: number;
}

const columns: Column<Policy>[] = [
  { key: 'name', header: 'Name', value: (p) => p.name },
  { key: 'mode', header: 'Mode', value: (p) => p.mode },
  { key: 'source', header: 'Source', value: (p) => p.source },
  { key: 'sites', header: 'Sites', value: (p) => p.sites, text: (p) => p.sites.join(', ') },
  { key: 'images', header: 'Images', value: (p) => p.images, text: (p) => (p.images ?? ['*']).join(', ') },
  { key: 'tags', header: 'Tags', value: (p) => p.tags, text: (p) => (p.tags ?? []).join(', ') },
  { key: 'pause', header: 'Pause', value: (p) => p.pause },
  { key: 'id', header: 'ID', value: (p) => p.id },
];

interface CreateFlags {
  readonly mode: string;
  readonly source: string;
  readonly site: readonly string[];
  readonly image?: readonly string[];
  readonly tag?: readonly string[];
  readonly pause?: string;
  readonly every?: number;
}

const create = command<CreateFlags, [{ name: 'name'; brief: string }]>({
  brief: 'Declare where images are to be',
  args: [{ name: 'name', brief: 'What it is to be called' }],
  flags: {
    mode: { kind: 'enum', values: ['none', 'automatic', 'lazy', 'controlled'], brief: 'none: never copied; automatic: follow by themselves; lazy: fetched when asked for; controlled: by rollouts' } as never,
    source: { kind: 'parsed', parse: string, placeholder: 'SITE', brief: 'Where they are made' },
    site: { kind: 'parsed', parse: string, variadic: ',', placeholder: 'SITE', brief: 'Where they are to be; several with commas, or repeated' },
    image: { kind: 'parsed', parse: string, optional: true, variadic: ',', placeholder: 'NAME', brief: 'Only these; * stands for anything' },
    tag: { kind: 'parsed', parse: string, optional: true, variadic: ',', placeholder: 'TAG', brief: 'Only those with one of these tags' },
    pause: { kind: 'enum', values: ['each', 'first', 'none'], optional: true, brief: 'controlled: after which sites a rollout waits for a word (each)' } as never,
    every: { kind: 'parsed', parse: integer(10, 86_400), optional: true, placeholder: 'SECONDS', brief: 'automatic: between two looks (60)' },
  },
  run: async (cli, { flags, args }) => {
    const { body } = await cli.api.post<Policy>('/v1/image-policies', {
      name: args.name, mode: flags.mode, source: flags.source, sites: flags.site,
      ...(flags.image !== undefined && { images: flags.image }), ...(flags.tag !== undefined && { tags: flags.tag }), ...(flags.pause !== undefined && { pause: flags.pause }), ...(flags.every !== undefined && { everySeconds: flags.every }),
    });
    await cli.print.show(body, columns);
  },
});

const list = command({
  brief: 'List the project’s image policies',
  run: async (cli) => cli.print.list((await cli.api.get<{ policies: Policy[] }>('/v1/image-policies')).policies, columns),
});

const remove = command<object, [{ name: 'policy'; brief: string }]>({
  brief: 'Forget an image policy; images stay',
  args: [{ name: 'policy', brief: 'Name or id' }],
  run: async (cli, { args }) => void (await cli.api.send('DELETE', `/v1/image-policies/${encodeURIComponent(args.policy)}`)),
});

export const imagePolicyRoutes = buildRouteMap<string, Context>({ routes: { create, list, delete: remove }, docs: { brief: 'Where images are to be' } });

interface Rollout {
  readonly id: string;
  readonly policy: string;
  readonly image: string;
  readonly imageId: string;
  readonly state: string;
  readonly stages: readonly { readonly site: string; readonly state: string; readonly imageId?: string; readonly superseded: readonly string[] }[];
  readonly startedAt: string;
  readonly jobId?: string;
}

const rolloutColumns: Column<Rollout>[] = [
  { key: 'id', header: 'ID', value: (r) => r.id },
  { key: 'policy', header: 'Policy', value: (r) => r.policy },
  { key: 'image', header: 'Image', value: (r) => r.image },
  { key: 'state', header: 'State', value: (r) => r.state },
  { key: 'stages', header: 'Sites', value: (r) => r.stages, text: (r) => r.stages.map((s) => `${s.site}: ${s.state}`).join('\n') },
  { key: 'jobId', header: 'Job', value: (r) => r.jobId },
];

const rolloutArg = [{ name: 'rollout', brief: 'Its id' }] as const;
const path = (id: string): string => `/v1/rollouts/${encodeURIComponent(id)}`;

const start = command<{ readonly image: string }, [{ name: 'policy'; brief: string }]>({
  brief: 'Bring a version of an image out, site by site',
  args: [{ name: 'policy', brief: 'A controlled policy' }],
  flags: { image: { kind: 'parsed', parse: string, placeholder: 'IMAGE', brief: 'Name or id at the source; by its id where the old version has the same name' } },
  run: async (cli, { flags, args }) => cli.print.show((await cli.api.post<Rollout>(`/v1/image-policies/${encodeURIComponent(args.policy)}/rollout`, { image: flags.image })).body, rolloutColumns),
});

const rollouts = command({
  brief: 'List rollouts, newest first',
  run: async (cli) => cli.print.list((await cli.api.get<{ rollouts: Rollout[] }>('/v1/rollouts')).rollouts, rolloutColumns),
});

const show = command<object, typeof rolloutArg>({
  brief: 'Show a rollout',
  args: rolloutArg,
  run: async (cli, { args }) => cli.print.show(await cli.api.get<Rollout>(path(args.rollout)), rolloutColumns),
});

const resume = command<{ readonly all?: boolean }, typeof rolloutArg>({
  brief: 'Let a rollout go on to its next site',
  args: rolloutArg,
  flags: { all: { kind: 'boolean', optional: true, withNegated: false, brief: 'To all that are left' } },
  run: async (cli, { flags, args }) => cli.print.show((await cli.api.post<Rollout>(`${path(args.rollout)}/resume`, { all: flags.all === true })).body, rolloutColumns),
});

const pause = command<object, typeof rolloutArg>({
  brief: 'Begin no further site',
  args: rolloutArg,
  run: async (cli, { args }) => cli.print.show((await cli.api.post<Rollout>(`${path(args.rollout)}/pause`)).body, rolloutColumns),
});

const rollback = command<object, typeof rolloutArg>({
  brief: 'Show at every site the version that it showed before',
  args: rolloutArg,
  run: async (cli, { args }) => cli.print.show((await cli.api.post<Rollout>(`${path(args.rollout)}/rollback`)).body, rolloutColumns),
});

export const rolloutRoutes = buildRouteMap<string, Context>({ routes: { start, list: rollouts, show, resume, pause, rollback }, docs: { brief: 'Versions of images, site by site' } });
