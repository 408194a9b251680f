import { differences } from '../world/canonical.ts';
import type { JobRow } from '../world/catalogue.ts';
import { guestInconsistencies } from '../world/guest-data.ts';
import { serverRows } from '../world/inventory.ts';
import type { Unit } from '../world/unit.ts';
import type { Lane } from './lane.ts';
import type { Rehearsed } from './rehearse.ts';
import type { Rest } from './rest.ts';

export interface Ended {
  readonly job: JobRow | undefined;
  /** It may have failed, as it is documented; then all must be as before. */
  readonly mayFail: boolean;
}

type Verdict = { readonly wrong: string } | { readonly expected: Rest; readonly failed: boolean };

/** What must be there, by how the job ended. */
export function verdict({ before, after, job: undisturbed }: Rehearsed, { job, mayFail }: Ended): Verdict {
  if (job?.state === undisturbed.state && job.error?.code === undisturbed.error?.code) return { expected: after, failed: false };
  if (job?.state === 'failed' && mayFail) return { expected: before, failed: true };
  return { wrong: `the job ended as ${job?.state ?? 'nothing'} (${job?.error?.code ?? ''} ${job?.error?.message ?? ''} ${JSON.stringify(job?.error?.details ?? '')}), not as ${undisturbed.state} (${undisturbed.error?.code ?? ''})` };
}

/** What differs from what must be; empty: nothing. */
export function faultsOf(expected: Rest, failed: boolean, found: Rest): string[] {
  const catalogued = differences(expected.catalogue, found.catalogue);
  return [
    ...(failed ? differences(expected.sites.map(asShipped), found.sites.map(asShipped)) : differences(expected.sites, found.sites)).map((d) => `at the sites: ${d}`),
    ...(failed ? catalogued.filter(tellsMoreThanTheFailure) : catalogued).map((d) => `in the catalogue: ${d}`),
  ];
}

/** A mark that was taken back at the source goes from the storage's copy with the next that is shipped: until then it may be there beside those that must be. */
const asShipped = (line: string): string => (line.includes('"kind":"rbd-image"') && line.includes('"primary":false') ? line.replace(/"marks":\["godwit-\*"(,"godwit-\*")+\]/, '"marks":["godwit-*"]') : line);

/** Of a point that failed by the crash, the catalogue tells; and it must not be half good. */
const tellsMoreThanTheFailure = (d: string): boolean =>
  !/^[+-] \{.*"kind":"(protection_groups|recovery_points|freeze_windows)"/.test(d) || /"state":"(Pending|Deleting)"|"closed_at":null/.test(d) || /^- .*"kind":"recovery_points"/.test(d);

/** Of each unit, whether the data of its running guests is sound. */
export function dataFaults(lane: Lane, units: readonly Unit[]): ReadonlyMap<Unit, string[]> {
  const { emulator } = lane.sites;
  const running = serverRows(emulator).filter((r) => r['frozenSince'] !== undefined);
  return new Map(units.map((unit) => [unit, running.filter((r) => String(r['name']).startsWith(`${unit.name}-`)).flatMap((r) => guestInconsistencies(emulator, r))]));
}
