import * as z from 'zod';
import { maybe } from '../fields.ts';
import { OpenStackError } from '../errors.ts';
import type { ServiceType } from '../types.ts';

/** What a call would like to speak, and the least it can work with. */
export interface VersionWish {
  readonly want: string;
  readonly min?: string;
  /** What the minimum is needed for, in words: "groups of volumes". */
  readonly what?: string;
}

/** What an endpoint speaks. Absent: it has no microversions. */
export interface VersionRange {
  readonly min: string;
  readonly max: string;
}

const versionEntry = z.looseObject({
  id: z.string(),
  status: maybe(z.string()),
  min_version: maybe(z.string()),
  version: maybe(z.string()),
  max_version: maybe(z.string()),
});
/** Nova answers `{version}` below /v2.1, Cinder and Placement `{versions}`. */
export const versionsBody = z.looseObject({ version: maybe(versionEntry), versions: maybe(z.array(versionEntry)) });

export function rangeOf(body: z.infer<typeof versionsBody>): VersionRange | undefined {
  const entries = body.version ? [body.version] : (body.versions ?? []);
  for (const entry of entries) {
    const max = entry.version || entry.max_version;
    if (entry.min_version && max) return { min: entry.min_version, max };
  }
  return undefined;
}

/** Compares `major.minor` by number: 2.9 is before 2.10. */
export function compareVersions(a: string, b: string): number {
  const [aMajor = 0, aMinor = 0] = a.split('.').map(Number);
  const [bMajor = 0, bMinor = 0] = b.split('.').map(Number);
  return aMajor - bMajor || aMinor - bMinor;
}

/** The highest version that both sides know, up to the wished one; OS_MICROVERSION_UNSUPPORTED when that is below the needed one. */
export function negotiate(service: ServiceType, range: VersionRange | undefined, wish: VersionWish): string | undefined {
  const refuse = (has: string): never => {
    throw new OpenStackError({
      code: 'OS_MICROVERSION_UNSUPPORTED',
      kind: 'terminal',
      service,
      message: `${service}: ${wish.what ?? 'this call'} needs API version ${wish.min ?? wish.want} or newer; the service has ${has}`,
    });
  };
  if (range === undefined) return wish.min === undefined ? undefined : refuse('no microversions');
  const chosen = compareVersions(wish.want, range.max) <= 0 ? wish.want : range.max;
  if (wish.min !== undefined && compareVersions(chosen, wish.min) < 0) return refuse(`${range.min} to ${range.max}`);
  // A service that has dropped what we speak: its oldest is still newer.
  if (compareVersions(chosen, range.min) < 0) return refuse(`${range.min} to ${range.max}, this client speaks up to ${wish.want}`);
  return chosen;
}

export function versionHeaders(service: ServiceType, version: string | undefined): Record<string, string> {
  if (version === undefined) return {};
  const header = { 'openstack-api-version': `${service} ${version}` };
  // Before 2.27 Nova knew only its own header.
  return service === 'compute' ? { ...header, 'x-openstack-nova-api-version': version } : header;
}
