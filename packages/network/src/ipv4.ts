import { isIPv4 } from 'node:net';

/** Addresses from first to last, both within. */
export interface Range {
  readonly first: number;
  readonly last: number;
}

export const toNumber = (ip: string): number => ip.split('.').reduce((n, byte) => n * 256 + Number(byte), 0);
export const toText = (n: number): string => [24, 16, 8, 0].map((shift) => Math.floor(n / 2 ** shift) % 256).join('.');

/** undefined: it is no IPv4 network, or has host bits set. */
export function parseCidr(cidr: string): Range | undefined {
  const [ip = '', bitsText = ''] = cidr.split('/');
  const bits = Number(bitsText);
  if (!isIPv4(ip) || !/^\d+$/.test(bitsText) || bits > 32) return undefined;
  const span = 2 ** (32 - bits);
  const first = toNumber(ip);
  return first % span === 0 ? { first, last: first + span - 1 } : undefined;
}

/** `10.0.0.10-10.0.0.99` */
export function parseRange(text: string): Range | undefined {
  const [from = '', to = '', ...more] = text.split('-');
  if (more.length > 0 || !isIPv4(from) || !isIPv4(to)) return undefined;
  const range = { first: toNumber(from), last: toNumber(to) };
  return range.first <= range.last ? range : undefined;
}

export const within = (range: Range, ip: number): boolean => ip >= range.first && ip <= range.last;
export const overlap = (a: Range, b: Range): boolean => a.first <= b.last && b.first <= a.last;
export const rangeText = (r: Range): string => `${toText(r.first)}-${toText(r.last)}`;

/** What is left of a range when others are taken out. */
export function without(range: Range, taken: readonly Range[]): Range[] {
  let left: Range[] = [range];
  for (const t of taken) {
    left = left.flatMap((r) => {
      if (!overlap(r, t)) return [r];
      return [...(t.first > r.first ? [{ first: r.first, last: t.first - 1 }] : []), ...(t.last < r.last ? [{ first: t.last + 1, last: r.last }] : [])];
    });
  }
  return left;
}

/** n pools of one size or nearly, that share nothing; fewer when there is not an address for each. */
export function divide(free: readonly Range[], n: number): Range[] {
  const largest = free.toSorted((a, b) => b.last - b.first - (a.last - a.first))[0];
  if (!largest || n === 0) return [];
  const size = Math.floor((largest.last - largest.first + 1) / n);
  if (size < 1) return [];
  return Array.from({ length: n }, (_, i) => ({ first: largest.first + i * size, last: i === n - 1 ? largest.last : largest.first + (i + 1) * size - 1 }));
}
