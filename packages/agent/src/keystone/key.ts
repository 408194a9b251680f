import { createHash } from 'node:crypto';
import type { KeyHash, KeySet } from '../protocol/keystone.ts';

const key = /^[A-Za-z0-9_-]{43}=$/;
const ours = /^(0|[1-9]\d{0,8})$/;
/** What Python's int() takes for a number, and Keystone so for a key: ` 3`, `+3`, `03`, `1_0`, digits of any script. */
const python = /^[\s]*[+-]?\p{Nd}+(_\p{Nd}+)*[\s]*$/u;

/** A key's text as Keystone decodes it, without a line's end that an editor left; undefined for what is no key. */
export function keyText(text: string): string | undefined {
  const trimmed = text.trim();
  return key.test(trimmed) ? trimmed : undefined;
}

export const keySha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

export const isIndex = (name: string): boolean => ours.test(name);
export const isIndexToPython = (name: string): boolean => python.test(name);

export const byIndex = (a: string, b: string): number => Number(a) - Number(b);

export const hashesOf = (keys: KeySet): KeyHash[] =>
  Object.keys(keys)
    .sort(byIndex)
    .map((index) => ({ index, sha256: keySha256(keys[index] ?? '') }));
