import { buildRouteMap } from '@stricli/core';
import type { Job, JobSummary } from '../api/types.ts';
import type { Cli } from '../cli.ts';
import { command, type Context, integer, string } from '../command.ts';
import { ago, between } from '../output/humane.ts';
import type { Column } from '../output/printer.ts';
import { amount } from '../wait/job-view.ts';
import { assertSucceeded, watchJob } from '../wait/watch-job.ts';

const path = (id: string): string => `/v1/jobs/${encodeURIComponent(id)}`;

const columns = (now: Date): Column<JobSummary>[] => [
  { key: 'id', header: 'ID', value: (j) => j.id },
  { key: 'workflow', header: 'Kind', value: (j) => j.workflow },
  { key: 'group', header: 'Group', value: (j) => j.labels['groupName'] ?? j.labels['group'] },
  { key: 'state', header: 'State', value: (j) => j.state },
  { key: 'createdAt', header: 'Created', value: (j) => j.createdAt, text: (j) => ago(j.createdAt, now) },
  { key: 'endedAt', header: 'Took', value: (j) => j.endedAt, text: (j) => between(j.startedAt, j.endedAt, now) },
  { key: 'project', header: 'Project', value: (j) => j.labels['project'], hidden: true },
  { key: 'error', header: 'Error', value: (j) => j.error, text: (j) => j.error?.code ?? '' },
];

const showColumns = (now: Date): Column<Job>[] => [
  ...columns(now).filter((c) => c.key !== 'error'),
  { key: 'result', header: 'Result', value: (j) => j.result, text: (j) => (j.result === undefined ? '' : JSON.stringify(j.result)) },
  { key: 'error', header: 'Error', value: (j) => j.error, text: (j) => (j.error ? `${j.error.code}: ${j.error.message}` : '') },
];

async function showJob(cli: Cli, job: Job): Promise<void> {
  const now = cli.io.now();
  await cli.print.show(job, showColumns(now));
  cli.print.noteTable(
    ['Step', 'State', 'Tries', 'Took', 'Error'],
    job.steps.map((s) => [s.name, s.state, String(s.attempts), between(s.startedAt, s.endedAt, now), s.error ? `${s.error.code}: ${s.error.message}` : '']),
  );
  cli.print.noteTable(['Doing', 'Of', 'Done', ''], job.progress.map((p) => [p.phase, p.item ?? '', amount(p), p.message ?? '']));
}

interface ListFlags {
  readonly state?: readonly string[];
  readonly group?: string;
  readonly limit?: number;
}

const list = command<ListFlags>({
  brief: 'List jobs, newest first',
  flags: {
    state: { kind: 'parsed', parse: string, optional: true, variadic: ',', placeholder: 'STATE', brief: 'queued, running, cancelling, succeeded, failed, cancelled' },
    group: { kind: 'parsed', parse: string, optional: true, placeholder: 'GROUP', brief: 'Of one group' },
    limit: { kind: 'parsed', parse: integer(1, 500), optional: true, placeholder: 'N', brief: 'At most so many (default 50)' },
  },
  run: async (cli, { flags }) => {
    const query = { state: flags.state?.join(','), group: flags.group, limit: flags.limit?.toString() };
    await cli.print.list((await cli.api.get<{ jobs: JobSummary[] }>('/v1/jobs', query)).jobs, columns(cli.io.now()));
  },
});

const show = command({
  brief: 'Show a job, with its steps',
  args: [{ name: 'job', brief: 'Its id' }],
  run: async (cli, { args }) => showJob(cli, await cli.api.get<Job>(path(args.job))),
});

const watch = command({
  brief: 'Watch a job until it ends',
  description: 'Ends as the job does: with 0, 1 or 5. Ctrl-C stops the watching, not the job.',
  args: [{ name: 'job', brief: 'Its id' }],
  run: async (cli, { args }) => {
    const job = await watchJob(cli, args.job);
    await showJob(cli, job);
    assertSucceeded(job);
  },
});

const cancel = command({
  brief: 'Ask a job to stop and to undo what it has begun',
  args: [{ name: 'job', brief: 'Its id' }],
  run: async (cli, { args }) => {
    const { body } = await cli.api.post<Job>(`${path(args.job)}/cancel`);
    await cli.print.show(body, columns(cli.io.now()));
  },
});

export const jobRoutes = buildRouteMap<'list' | 'show' | 'watch' | 'cancel', Context>({ routes: { list, show, watch, cancel }, docs: { brief: 'Jobs' } });
