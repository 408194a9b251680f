import type { Lane } from './lane.ts';

/** Of jobs that go on still, what they were last seen at. */
export async function unendedJobs(lane: Lane, url: string): Promise<ReadonlyMap<string, string>> {
  const steps = await lane.database.query<{ id: string; state: string; steps: string | null }>(url, `
    SELECT j.id, j.state, (SELECT string_agg(s.name || ' ' || s.attempts || '× ' || coalesce(s.error::text, ''), '; ') FROM godwit_job_steps s WHERE s.job_id = j.id AND s.state = 'running') AS steps
    FROM godwit_jobs j WHERE j.ended_at IS NULL`).catch(() => []);
  return new Map(steps.map((s) => [s.id, `; it is ${s.state} at ${s.steps ?? 'no step'}`]));
}
