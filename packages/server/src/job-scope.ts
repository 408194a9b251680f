import { GodwitError, projectKey } from '@godwit/sites';
import type { Job, JobStore } from '@godwit/workflow';
import type { Principal } from './types.ts';

/** Labels that a job must carry to be seen by this caller. */
export function scopeOf(principal: Principal): Record<string, string> {
  if (principal.admin) return {};
  // authorize() lets nobody else in without a project; were it to, this label is on no job.
  return { project: principal.project ? projectKey(principal.project) : '/' };
}

/** A job of another project is as unknown as one that is not there. Throws GW_JOB_UNKNOWN. */
export async function visibleJob(jobs: JobStore, principal: Principal, id: string): Promise<Job> {
  const job = await jobs.get(id);
  if (job && Object.entries(scopeOf(principal)).every(([k, v]) => job.labels[k] === v)) return job;
  throw new GodwitError('GW_JOB_UNKNOWN', 'terminal', `there is no job ${id}`, { resource: `job ${id}`, action: 'List the jobs of your project: godwit job list.' });
}
