import { follow } from '../api/follow.ts';
import { ended, type Job } from '../api/types.ts';
import type { Cli } from '../cli.ts';
import { CliError, jobError } from '../errors.ts';
import { exit } from '../exit-codes.ts';
import { BarsView } from './bars-view.ts';
import type { JobView } from './job-view.ts';
import { PlainView } from './plain-view.ts';

/** Shows a job until it has ended, and returns it as it ended. Ctrl-C only stops the watching, and says how to go on. */
export async function watchJob(cli: Cli, jobId: string): Promise<Job> {
  const stop = new AbortController();
  const release = cli.io.onInterrupt(() => stop.abort());
  const view = viewOf(cli);
  try {
    for await (const event of follow(cli.api, cli.io, `/v1/jobs/${encodeURIComponent(jobId)}/events`, stop.signal, { after: 0 })) view.event(event);
    return await settled(cli, jobId, stop.signal);
  } finally {
    view.end();
    release();
  }
}

/** Throws what the job failed with. */
export function assertSucceeded(job: Job): void {
  if (job.state === 'succeeded') return;
  if (job.error && job.state === 'failed') throw jobError(job.error);
  throw new CliError({ code: 'GW_JOB_CANCELLED', message: `job ${job.id} was ${job.state}; what it had begun was undone`, resource: `job ${job.id}` }, exit.failed);
}

async function settled(cli: Cli, jobId: string, signal: AbortSignal): Promise<Job> {
  while (!signal.aborted) {
    const job = await cli.api.get<Job>(`/v1/jobs/${encodeURIComponent(jobId)}`);
    if (ended.has(job.state)) return job;
    await cli.io.sleep(1_000, signal).catch(() => undefined);
  }
  throw new CliError(
    { code: 'GW_INTERRUPTED', message: `stopped watching; job ${jobId} goes on`, action: `godwit job watch ${jobId} shows it again, godwit job cancel ${jobId} stops it.` },
    exit.interrupted,
  );
}

function viewOf(cli: Cli): JobView {
  if (cli.quiet) return { event: () => undefined, end: () => undefined };
  return cli.io.stderr.isTTY === true ? new BarsView(cli.io.stderr) : new PlainView(cli.io.stderr);
}
