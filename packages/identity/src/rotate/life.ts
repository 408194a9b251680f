import type { Deps } from '../deps.ts';
import { neededUntil, secondariesOf } from '../keys/generation.ts';
import type { Generation, KeyEntry, KeyRecord } from '../store/types.ts';

/**
 * For how long after its key's last signature a token can be asked for: its life, the window in which services may ask for it after that,
 * and what two clocks may differ by (the one that signed it from the one that judges its age).
 */
export const tokenLifeSeconds = ({ star: { config } }: Pick<Deps, 'star'>): number => config.tokens.expirationSeconds + config.tokens.allowExpiredWindowSeconds + config.clockSkewSeconds;

/** Whether a living token may need this secondary key. */
export function needed(deps: Pick<Deps, 'star'>, keys: readonly KeyRecord[], now: Date): (entry: KeyEntry) => boolean {
  const byId = new Map(keys.map((k) => [k.id, k]));
  return (entry) => neededUntil(byId.get(entry.id), tokenLifeSeconds(deps)) > now.getTime();
}

/**
 * When there is room for one more key: after a rotation there are the staged key, the new primary, the old one and the secondaries that are
 * still needed. Undefined: now.
 */
export function roomAt(deps: Pick<Deps, 'star'>, set: Generation, keys: readonly KeyRecord[], now: Date): { readonly after: number; readonly at: Date | undefined } {
  const max = deps.star.config.fernet.maxActiveKeys;
  const byId = new Map(keys.map((k) => [k.id, k]));
  const ends = secondariesOf(set).map((e) => neededUntil(byId.get(e.id), tokenLifeSeconds(deps))).filter((t) => t > now.getTime()).sort((a, b) => a - b);
  const after = 3 + ends.length;
  if (after <= max) return { after, at: undefined };
  const end = ends[after - max - 1];
  return { after, at: end === undefined || end === Infinity ? undefined : new Date(end) };
}
