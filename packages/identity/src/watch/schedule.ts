import type { Deps } from '../deps.ts';
import { primaryOf } from '../keys/generation.ts';
import type { KeyKind } from '../nodes.ts';
import { roomAt } from '../rotate/life.ts';
import type { Generation, KeyRecord } from '../store/types.ts';

/**
 * When the next rotation by policy is: a period after the last one was everywhere, and not before there is room for a key more. Undefined: none
 * is scheduled. One that was cancelled on its way, or adopted keys, count from when the primary began to sign.
 */
export function rotationDue(deps: Pick<Deps, 'star' | 'clock'>, kind: KeyKind, current: Generation, keys: readonly KeyRecord[]): Date | undefined {
  const { scheduled, periodSeconds } = deps.star.config[kind];
  if (!scheduled) return undefined;
  const last = lastRotation(current, keys);
  const due = new Date((last?.getTime() ?? deps.clock.now().getTime()) + periodSeconds * 1000);
  if (kind === 'credential') return due;
  const max = deps.star.config.fernet.maxActiveKeys;
  const room = roomAt(deps, current, keys, deps.clock.now());
  if (room.after <= max) return due;
  return room.at === undefined ? undefined : new Date(Math.max(due.getTime(), room.at.getTime()));
}

/** Since when all nodes sign with the primary. */
export function lastRotation(current: Generation, keys: readonly KeyRecord[]): Date | undefined {
  const primary = keys.find((k) => k.id === primaryOf(current).id);
  const retired = keys.map((k) => k.retiredAt).filter((t): t is string => t !== undefined).map((t) => new Date(t).getTime());
  const since = Math.max(primary?.signsFrom === undefined ? -Infinity : new Date(primary.signsFrom).getTime(), retired.length === 0 ? -Infinity : Math.max(...retired));
  return Number.isFinite(since) ? new Date(since) : undefined;
}
