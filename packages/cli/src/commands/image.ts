import { buildRouteMap } from '@stricli/core';
import { z } from 'zod';
import type { JobRef } from '../api/types.ts';
import type { Cli } from '../cli.ts';
import { command, type Context, string } from '../command.ts';
import { bytes } from '../output/humane.ts';
import type { Column } from '../output/printer.ts';
import { imagePolicyRoutes, rolloutRoutes } from './image-policy.ts';
import { outcome } from './job-outcome.ts';

const noWait = { kind: 'boolean', optional: true, withNegated: false, brief: 'Do not wait for the job' } as const;

interface CloneFlags {
  readonly from: string;
  readonly to: readonly string[];
  readonly method?: string;
  readonly replace?: boolean;
  readonly noWait?: boolean;
}

const targetSchema = z.looseObject({
  site: z.string(),
  outcome: z.string(),
  imageId: z.string().optional(),
  method: z.string().optional(),
  bytes: z.number(),
  changed: z.array(z.string()),
  notes: z.array(z.string()),
});
type Target = z.infer<typeof targetSchema>;
const resultSchema = z.looseObject({ image: z.string(), imageId: z.string(), from: z.string(), size: z.number(), targets: z.array(targetSchema) });
type Cloned = z.infer<typeof resultSchema>;

const columns: Column<Cloned>[] = [
  { key: 'image', header: 'Image', value: (r) => r.image },
  { key: 'imageId', header: 'ID there', value: (r) => r.imageId },
  { key: 'from', header: 'From', value: (r) => r.from },
  { key: 'size', header: 'Size', value: (r) => r.size, text: (r) => bytes(r.size) },
  { key: 'targets', header: 'Targets', value: (r) => r.targets, hidden: true },
];

export async function showCloned(cli: Cli, result: unknown): Promise<void> {
  const { data } = resultSchema.safeParse(result);
  if (!data) return;
  await cli.print.show(data, columns);
  cli.print.noteTable(
    ['Site', 'Outcome', 'Method', 'Sent', 'Image', 'Changed', 'Notes'],
    data.targets.map((t: Target) => [t.site, t.outcome, t.method ?? '', bytes(t.bytes), t.imageId ?? '', t.changed.join(', '), t.notes.join('\n')]),
  );
}

const clone = command<CloneFlags, [{ name: 'image'; brief: string }]>({
  brief: 'Copy an image to other sites',
  description: 'The whole image: data, name, properties, tags, members, visibility. Only what a site lacks is sent; where the data is there, what describes it is brought up to date. Until a copy is whole and its hash is checked it is hidden under another name.',
  args: [{ name: 'image', brief: 'Name or id' }],
  flags: {
    from: { kind: 'parsed', parse: string, placeholder: 'SITE', brief: 'Where it is' },
    to: { kind: 'parsed', parse: string, variadic: ',', placeholder: 'SITE', brief: 'Where it is to be; several with commas, or repeated' },
    method: { kind: 'enum', values: ['auto', 'import', 'relay'], optional: true, brief: 'import: the other Glance fetches it by itself; relay: through Godwit; auto: import where it can be' } as never,
    replace: { kind: 'boolean', optional: true, withNegated: false, brief: 'Hide another image of that name there instead of refusing' },
    noWait,
  },
  run: async (cli, { flags, args }) => {
    const { body } = await cli.api.post<JobRef>('/v1/images/clone', {
      image: args.image, from: flags.from, to: flags.to, ...(flags.method !== undefined && { method: flags.method }), ...(flags.replace === true && { replace: true }),
    });
    return await outcome(cli, body, flags.noWait === true, (result) => showCloned(cli, result));
  },
});

interface EnsureFlags {
  readonly site: string;
  readonly from?: string;
  readonly noWait?: boolean;
}

interface Ensured {
  readonly image: string;
  readonly site: string;
  readonly present: boolean;
  readonly imageId?: string;
  readonly jobId?: string;
}

const ensure = command<EnsureFlags, [{ name: 'image'; brief: string }]>({
  brief: 'See that a site has an image; fetch it if not',
  description: 'What a lazy policy waits for. Where it comes from is the source of the policy that has it, unless it is named.',
  args: [{ name: 'image', brief: 'Name or id' }],
  flags: { site: { kind: 'parsed', parse: string, placeholder: 'SITE', brief: 'Where it is needed' }, from: { kind: 'parsed', parse: string, optional: true, placeholder: 'SITE', brief: 'Where it may be fetched' }, noWait },
  run: async (cli, { flags, args }) => {
    const { body } = await cli.api.post<Ensured>('/v1/images/ensure', { image: args.image, at: flags.site, ...(flags.from !== undefined && { from: flags.from }) });
    if (body.jobId !== undefined) return await outcome(cli, { jobId: body.jobId }, flags.noWait === true, (result) => showCloned(cli, result));
    await cli.print.show(body, [
      { key: 'image', header: 'Image', value: (r) => r.image },
      { key: 'site', header: 'Site', value: (r) => r.site },
      { key: 'present', header: 'There', value: (r) => r.present },
      { key: 'imageId', header: 'ID', value: (r) => r.imageId },
    ]);
  },
});

interface PullFlags {
  readonly from: string;
  readonly to: string;
  readonly name: string;
}

const pull = command<PullFlags, [{ name: 'image'; brief: string }]>({
  brief: 'Let a site’s Glance fetch an image’s data itself, with your token',
  description: 'The plain copy: only the data, under a new name; nothing is compared, and Godwit does not watch it. Your token must be of the Keystone of the site that it comes from. Use image clone for a whole copy.',
  args: [{ name: 'image', brief: 'Its id' }],
  flags: {
    from: { kind: 'parsed', parse: string, placeholder: 'SITE', brief: 'Where it is' },
    to: { kind: 'parsed', parse: string, placeholder: 'SITE', brief: 'Where it is to be' },
    name: { kind: 'parsed', parse: string, placeholder: 'NAME', brief: 'What it is to be called there' },
  },
  run: async (cli, { flags, args }) => {
    const { body } = await cli.api.post<{ imageId: string; site: string; method: string }>('/v1/images/pull', { image: args.image, from: flags.from, to: flags.to, name: flags.name });
    await cli.print.show(body, [
      { key: 'site', header: 'Site', value: (r) => r.site },
      { key: 'imageId', header: 'Image', value: (r) => r.imageId },
      { key: 'method', header: 'Method', value: (r) => r.method },
    ]);
  },
});

export const imageRoutes = buildRouteMap<string, Context>({ routes: { clone, ensure, pull, policy: imagePolicyRoutes, rollout: rolloutRoutes }, docs: { brief: 'Images over all sites' } });
