import { ApiError } from '../errors.ts';
import type { CinderState } from './state.ts';

const defaults: Readonly<Record<string, number>> = {
  volumes: 10, snapshots: 10, gigabytes: 1000, backups: 10, backup_gigabytes: 1000, per_volume_gigabytes: -1, groups: 10,
};

export type Delta = Readonly<Record<string, number>>;

export const isQuotaResource = (state: CinderState, name: string): boolean => name in limitsOf(state, '');

/** Every resource with its limit; each volume type has three of its own, without a limit until somebody sets one. */
export function limitsOf(state: CinderState, projectId: string): Record<string, number> {
  const limits: Record<string, number> = { ...defaults };
  for (const type of state.types.values()) for (const kind of ['volumes', 'gigabytes', 'snapshots']) limits[`${kind}_${type.name}`] = -1;
  return Object.assign(limits, state.quotaClass, state.quotas.get(projectId));
}

export const usageOf = (state: CinderState, projectId: string): Readonly<Record<string, number>> => state.usage.get(projectId) ?? {};

/** Adds the resources' twins of the volume's type. */
export function typed(state: CinderState, typeId: string, delta: Delta): Delta {
  const name = state.types.get(typeId)?.name;
  return name === undefined ? delta : { ...delta, ...Object.fromEntries(Object.entries(delta).map(([key, n]) => [`${key}_${name}`, n])) };
}

export type Kind = 'volumes' | 'snapshots' | 'backups' | 'groups';

/**
 * Takes what is wanted, or refuses in the words of Cinder's process_reserve_over_quota.
 * @param size of what is asked for, in GiB, as the refusal names it
 * @throws ApiError 413
 */
export function charge(state: CinderState, projectId: string, kind: Kind, delta: Delta, size = 0): void {
  const limits = limitsOf(state, projectId);
  const used = usageOf(state, projectId);
  const over = Object.keys(delta).filter((key) => {
    const limit = limits[key] ?? -1;
    return limit >= 0 && (delta[key] ?? 0) > 0 && (used[key] ?? 0) + (delta[key] ?? 0) > limit;
  });
  const first = over.sort().find((key) => key.includes('gigabytes') || key.includes(kind));
  if (first !== undefined) throw overQuota(kind, first, size, limits[first] ?? 0, used[first] ?? 0);
  release(state, projectId, negated(delta));
}

/** Gives back. */
export function release(state: CinderState, projectId: string, delta: Delta): void {
  const used = { ...usageOf(state, projectId) };
  for (const [key, n] of Object.entries(delta)) used[key] = Math.max(0, (used[key] ?? 0) - n);
  state.usage.set(projectId, used);
}

const negated = (delta: Delta): Delta => Object.fromEntries(Object.entries(delta).map(([key, n]) => [key, -n]));

const entityTooLarge = (name: string, message: string): ApiError => new ApiError(413, `${name}: ${message}`, { headers: { 'retry-after': '0' } });

const limitNames = { snapshots: 'SnapshotLimitExceeded', backups: 'BackupLimitExceeded', groups: 'GroupLimitExceeded' } as const;

function overQuota(kind: Kind, name: string, size: number, limit: number, used: number): ApiError {
  if (name.includes('gigabytes')) {
    const what = kind === 'backups' ? 'Requested backup exceeds allowed Backup gigabytes quota.' : `Requested volume or snapshot exceeds allowed ${name} quota.`;
    return entityTooLarge(kind === 'backups' ? 'VolumeBackupSizeExceedsAvailableQuota' : 'VolumeSizeExceedsAvailableQuota', `${what} Requested ${String(size)}G, quota is ${String(limit)}G and ${String(used)}G has been consumed.`);
  }
  if (kind === 'volumes') return entityTooLarge('VolumeLimitExceeded', `Maximum number of volumes allowed (${String(limit)}) exceeded for quota '${name}'.`);
  return entityTooLarge(limitNames[kind], `Maximum number of ${kind} allowed (${String(limit)}) exceeded`);
}

/** One volume larger than the site allows. */
export function checkVolumeSize(state: CinderState, projectId: string, size: number): void {
  const limit = limitsOf(state, projectId)['per_volume_gigabytes'] ?? -1;
  if (limit >= 0 && size > limit) throw entityTooLarge('VolumeSizeExceedsLimit', `Requested volume size ${String(size)}G is larger than maximum allowed limit ${String(limit)}G.`);
}
