import { GodwitError } from '@godwit/sites';

/**
 * Runs an undo that does not wait for a site that is gone: a recovery of the group may be waiting behind this job. What is left there
 * is named in the job's error, and deleted with the failed point.
 */
export async function undoBriefly(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof GodwitError) || error.code !== 'GW_SITE_UNREACHABLE') throw error;
    const { site, resource, requestId, action } = error;
    throw new GodwitError('GW_SITE_UNREACHABLE', 'terminal', error.message, { site, resource, requestId, action, cause: error });
  }
}
