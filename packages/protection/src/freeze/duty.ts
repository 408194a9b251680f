import { stillOurs } from '@godwit/workflow';

/** Long enough for a look at the database after a pause; short beside any freeze limit. */
const patienceMs = 2_000;

/**
 * Whether thawing is up to this controller. False: it was stopped for a while and another has taken the job over, and with it the
 * duty; a thaw of ours could end a freeze of a later window unseen, and taking our switch away could take that one's. When that cannot
 * be known (the database is away), the duty is ours: better two thaws than none.
 */
export async function dutyIsOurs(): Promise<boolean> {
  try {
    await stillOurs(AbortSignal.timeout(patienceMs));
    return true;
  } catch (error) {
    return (error as { code?: unknown }).code !== 'GW_JOB_TAKEN_OVER';
  }
}
