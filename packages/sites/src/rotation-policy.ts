import { GodwitError } from './errors.ts';

export interface RotationPolicy {
  /** [token] expiration */
  readonly expirationSeconds: number;
  /** [token] allow_expired_window: a service may have a token validated for so long after its end. */
  readonly allowExpiredWindowSeconds: number;
  readonly periodSeconds: number;
  /** [fernet_tokens] max_active_keys: the staged key, the primary and the secondaries. */
  readonly maxActiveKeys: number;
}

/**
 * How many keys a repository must be able to hold. A key that stops signing must stay until the last token that it signed cannot be asked for
 * any more: (expiration + allow_expired_window) / period rotations later, rounded up. Besides there are the primary and the staged key.
 * Keystone's own rotation keeps exactly max_active_keys files, the oldest going first (keystone/common/fernet_utils.py, rotate_keys).
 */
export function keysNeeded(policy: Omit<RotationPolicy, 'maxActiveKeys'>): number {
  return Math.ceil((policy.expirationSeconds + policy.allowExpiredWindowSeconds) / policy.periodSeconds) + 2;
}

/** Throws GW_ROTATION_POLICY_UNSAFE, with the arithmetic. */
export function refuseUnsafePolicy(policy: RotationPolicy, where: string): void {
  const needed = keysNeeded(policy);
  if (policy.maxActiveKeys >= needed) return;
  const { expirationSeconds: e, allowExpiredWindowSeconds: w, periodSeconds: p, maxActiveKeys: max } = policy;
  const secondaries = Math.max(0, max - 2);
  const shortest = secondaries === 0 ? 'no period is long enough for less than 3 keys' : `or rotate no oftener than every ${Math.ceil((e + w) / secondaries)} s`;
  throw new GodwitError('GW_ROTATION_POLICY_UNSAFE', 'terminal', `${where}: a rotation would drop keys that living tokens need: max_active_keys >= (expiration ${e} s + allow_expired_window ${w} s) / period ${p} s + 2 = ${needed}, and it is ${max}`, {
    resource: where,
    action: `Set maxActiveKeys (and max_active_keys in every keystone.conf) to ${needed} or more, ${shortest}.`,
    details: { needed, maxActiveKeys: max, expirationSeconds: e, allowExpiredWindowSeconds: w, periodSeconds: p },
  });
}
