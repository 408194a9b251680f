import { AgentError } from '../protocol/errors.ts';
import type { KeySet } from '../protocol/keystone.ts';
import { byIndex, keySha256 } from './key.ts';

/**
 * - place: the new file is renamed to its index, over an old one if there is one;
 * - retire: a link to /dev/null is renamed over the file;
 * - remove: that link is removed;
 * - settle: waits until whoever listed the directory before has read it.
 */
export type KeyStep = { readonly do: 'place' | 'retire' | 'remove'; readonly index: string } | { readonly do: 'settle' };

export interface PlanInput {
  /** Text of each regular file that Keystone takes for a key; undefined for one that is no key and that only breaks Keystone. */
  readonly disk: Readonly<Record<string, string | undefined>>;
  /** Indexes that were retired, but not removed. */
  readonly retired: readonly string[];
  readonly target: KeySet;
  /** SHA-256 of keys that may go. */
  readonly drop: readonly string[];
}

/**
 * The way from what is on the disk to the set, on which no key that is still needed is ever missed: not by a Keystone that reads at any
 * moment, not by one that listed the directory before a step and reads the files after it.
 *
 * Keystone lists the directory, then asks of each name whether it is a regular file, then opens it. So a new key is put in place before the
 * place that it had is given to another, with a pause in between (the old listing does not have the new name); and a file does not just vanish
 * (open() would fail, the request with it): it becomes a link to /dev/null, which is no regular file to those who ask, and
 * empty to those who have asked already.
 */
export function planKeys({ disk, retired, target, drop }: PlanInput): KeyStep[] {
  const now = new Map(Object.entries(disk));
  const mayGo = new Set(drop);
  const wanted = new Set(Object.values(target));
  const needed = new Set([...now.values()].filter((v): v is string => v !== undefined && (wanted.has(v) || !mayGo.has(keySha256(v)))));
  const lost = [...now].filter(([, v]) => v !== undefined && needed.has(v) && !wanted.has(v)).map(([i, v]) => `${i} (${keySha256(v ?? '').slice(0, 12)}…)`);
  if (lost.length > 0) {
    throw new AgentError('GW_AGENT_KEY_NEEDED', 'terminal', `the order lacks ${lost.length === 1 ? 'a key' : 'keys'} of this repository without saying that it may go: ${lost.join(', ')}`, {
      action: 'Find out whose key that is. Name its hash in the order to drop it.',
    });
  }

  const steps: KeyStep[] = [];
  /** Placed since the last pause: an old listing does not know them. */
  const fresh = new Set<string>();
  const settle = (): void => {
    steps.push({ do: 'settle' });
    fresh.clear();
  };
  const place = (index: string): void => {
    steps.push({ do: 'place', index });
    now.set(index, target[index]);
    fresh.add(index);
  };
  /** Makes sure that the key of an index is read elsewhere before it goes; false when it is nowhere else. */
  const secured = (index: string): boolean => {
    const value = now.get(index);
    if (value === undefined || !needed.has(value)) return true;
    const holders = [...now].filter(([i, v]) => i !== index && v === value).map(([i]) => i);
    if (holders.length === 0) return false;
    if (holders.every((h) => fresh.has(h))) settle();
    return true;
  };

  const indexes = Object.keys(target).sort(byIndex);
  for (const index of indexes) if (!now.has(index)) place(index);
  for (let left = indexes.filter((i) => now.get(i) !== target[i]); left.length > 0; ) {
    const next = left.find(secured);
    if (next === undefined) {
      throw new AgentError('GW_AGENT_KEYS_INVALID', 'terminal', `the order exchanges keys among the indexes ${left.join(', ')}, which cannot be done without missing one for a moment`);
    }
    place(next);
    left = left.filter((i) => i !== next);
  }

  const going = [...now.keys()].filter((i) => !Object.hasOwn(target, i)).sort(byIndex);
  for (const index of going) {
    // What is needed of them is in the set, and that is in place.
    secured(index);
    steps.push({ do: 'retire', index });
    now.delete(index);
  }
  const gone = [...retired.filter((i) => !Object.hasOwn(target, i)), ...going];
  if (going.length > 0) settle();
  for (const index of gone) steps.push({ do: 'remove', index });
  return steps;
}
