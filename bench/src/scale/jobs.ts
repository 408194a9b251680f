import type { Api } from './api.ts';

interface Job {
  readonly id: string;
  readonly state: string;
  readonly error?: { readonly code: string; readonly message: string };
  readonly startedAt?: string;
  readonly endedAt?: string;
}

export interface JobsOutcome {
  readonly succeeded: number;
  /** By code. */
  readonly failed: Readonly<Record<string, number>>;
  /** Answers of the API to our own asking that were no 200. */
  readonly refused: number;
  /** From the first request to the last end. */
  readonly ms: number;
  /** Of each job, from its start to its end. */
  readonly each: readonly number[];
}

/** Submits jobs, and waits until all have ended. */
export async function runJobs(api: Api, submissions: readonly { readonly path: string; readonly body: unknown }[], limitMs: number): Promise<JobsOutcome> {
  const began = performance.now();
  const ids = new Set<string>();
  for (const { path, body } of submissions) {
    const { status, body: answer } = await api.call('POST', path, body);
    if (status !== 202) throw new Error(`POST ${path}: ${String(status)} ${JSON.stringify(answer)}`);
    ids.add((answer as { jobId: string }).jobId);
  }
  const failed: Record<string, number> = {};
  const each: number[] = [];
  let succeeded = 0;
  let refused = 0;
  while (ids.size > 0) {
    if (performance.now() - began > limitMs) {
      failed['(not ended in time)'] = ids.size;
      break;
    }
    await new Promise((done) => setTimeout(done, 250));
    const { status, body } = await api.call('GET', '/v1/jobs?state=succeeded,failed,cancelled&limit=500');
    if (status !== 200) {
      refused += 1;
      continue;
    }
    for (const job of (body as { jobs: Job[] }).jobs) {
      if (!ids.delete(job.id)) continue;
      if (job.startedAt !== undefined && job.endedAt !== undefined) each.push(Date.parse(job.endedAt) - Date.parse(job.startedAt));
      if (job.state === 'succeeded') succeeded += 1;
      else failed[job.error?.code ?? job.state] = (failed[job.error?.code ?? job.state] ?? 0) + 1;
    }
  }
  return { succeeded, failed, refused, ms: performance.now() - began, each };
}
