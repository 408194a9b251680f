import { toGodwitError } from '@godwit/sites';
import type { Deps } from '../deps.ts';

/** So often a site is asked before it counts as lost, and so long each answer may take. */
const asks = 3;
const answerMs = 4_000;
const pauseMs = 1_000;

/**
 * Why a site counts as lost; undefined: it answers. Where its guests may still run, a second copy must not be started because one connection broke, or
 * because Keystone alone answers an error: only a site of which nothing is heard, though it was asked several times, is lost.
 */
export async function whyLost({ sites, clock }: Pick<Deps, 'sites' | 'clock'>, site: string, signal: AbortSignal): Promise<string | undefined> {
  for (let n = 1; ; n++) {
    try {
      await sites.get(site).admin.identity.ping({ signal: AbortSignal.any([signal, AbortSignal.timeout(answerMs)]) });
      return undefined;
    } catch (error) {
      signal.throwIfAborted();
      // An error that Keystone answers is an answer.
      if ((error as { status?: number }).status !== undefined) return undefined;
      if (n >= asks) return toGodwitError(error, { site }).message;
    }
    await clock.sleep(pauseMs, signal);
  }
}
