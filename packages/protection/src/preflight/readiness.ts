import { GodwitError, toGodwitError, type ProjectRef } from '@godwit/sites';
import type { StepContext } from '@godwit/workflow';
import type { Deps } from '../deps.ts';
import type { ServerRecord } from '../inventory/types.ts';
import type { Finding } from '../schemas.ts';
import { asFinding } from './findings.ts';

/** What members need at a recovery site beside what is restored, by its names at the site that they come from. */
export interface RecoveryNeeds {
  readonly project: ProjectRef;
  readonly from: string;
  readonly to: string;
  readonly flavors: readonly string[];
  readonly securityGroups: readonly string[];
  readonly keypairs: readonly { readonly name: string; readonly owner: ProjectRef }[];
  /** What the members’ disks were made of. */
  readonly images: readonly string[];
}

export interface Lacking {
  /** `flavor`, `security group` … */
  readonly what: string;
  readonly name: string;
  readonly reason: string;
}

/** Asked of whoever keeps resources alike over the sites; this package does not know them. */
export interface RecoveryResources {
  /** Are these there, identical, now? Changes nothing. `repair`: the one command that brings what it can. */
  lacking(needs: RecoveryNeeds): Promise<{ readonly missing: readonly Lacking[]; readonly repair?: string }>;
  /** Begins to bring images that a policy says to bring when they are first asked for. Returns the jobs. */
  fetch(needs: RecoveryNeeds): Promise<readonly string[]>;
}

export function needsOf(project: ProjectRef, from: string, to: string, servers: readonly ServerRecord[]): RecoveryNeeds {
  const keypairs = new Map(servers.flatMap(({ keyName, owner }) => (keyName !== undefined && owner ? [[`${owner.domain}/${owner.name} ${keyName}`, { name: keyName, owner }] as const] : [])));
  const names = (list: readonly (string | undefined)[]): string[] => [...new Set(list.filter((n) => n !== undefined && n !== ''))] as string[];
  return {
    project, from, to,
    flavors: names(servers.map((s) => s.flavor.name)),
    securityGroups: names(servers.flatMap((s) => s.ports.flatMap((p) => p.securityGroups))),
    keypairs: [...keypairs.values()],
    images: names(servers.flatMap((s) => [s.imageName, ...s.volumes.map((v) => v.imageName)])),
  };
}

/**
 * What is not as it should be at the recovery site and yet keeps no member from coming back: a security group with other rules, a keypair
 * that is missing. Told, and nothing is refused for it: on the worst day a recovery with yesterday's rules is better than none.
 */
export async function readinessWarnings(deps: Pick<Deps, 'resources' | 'sites' | 'clock'>, needs: RecoveryNeeds, refused: readonly Finding[]): Promise<Finding[]> {
  const { resources } = deps;
  // With what is lost nothing can be compared, and a recovery must not wait for it.
  if (!resources || deps.sites.health(needs.from).state === 'down') return [];
  try {
    const { missing, repair } = await soon(deps.clock, resources.lacking(needs));
    return missing.map(({ what, name, reason }): Finding => ({
      code: 'GW_RECOVERY_SITE_DIFFERS', site: needs.to, resource: `${what} ${name}`, message: `${needs.to}: ${what} ${name}: ${reason}`,
      ...(repair === undefined ? {} : { action: repair }),
    })).filter((f) => !refused.some((r) => r.site === f.site && r.resource === f.resource));
  } catch (error) {
    const known = toGodwitError(error, { site: needs.to });
    return [{ ...asFinding(known, known.site ?? needs.to), code: 'GW_READINESS_UNKNOWN', message: `it could not be looked whether all is alike at ${needs.to}: ${known.message}` }];
  }
}

/** Asks for images that are fetched when first asked for. They come by jobs of their own: nothing here waits for them, or fails with them. */
export async function fetchImages({ resources, clock }: Pick<Deps, 'resources' | 'clock'>, needs: RecoveryNeeds, s: Pick<StepContext, 'log'>): Promise<void> {
  if (!resources || needs.images.length === 0) return;
  try {
    for (const job of await soon(clock, resources.fetch(needs))) s.log(`an image that is fetched when asked for is on its way to ${needs.to}: job ${job}`);
  } catch (error) {
    s.log(`images could not be asked for: ${toGodwitError(error).message}`);
  }
}

/** Longer than a site that answers takes; one that does not would hold a recovery up by its time-outs. */
const PATIENCE_MS = 10_000;

async function soon<T>(clock: Deps['clock'], work: Promise<T>): Promise<T> {
  const over = new AbortController();
  const late = clock.sleep(PATIENCE_MS, over.signal).then(() => {
    throw new GodwitError('GW_SITE_UNREACHABLE', 'retryable', `there was no answer within ${PATIENCE_MS / 1_000} s`);
  });
  late.catch(() => undefined);
  work.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    over.abort();
  }
}
