import { isIPv4, isIPv6 } from 'node:net';

/** An address as a number. @throws RangeError */
export function toNumber(ip: string): bigint {
  if (isIPv4(ip)) return ip.split('.').reduce((n, byte) => (n << 8n) + BigInt(byte), 0n);
  if (!isIPv6(ip)) throw new RangeError(`'${ip}' is not a valid IP address.`);
  const [head = '', tail] = ip.split('::');
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const [first, last] = [groups(head), tail === undefined ? [] : groups(tail)];
  const all = [...first, ...Array.from({ length: tail === undefined ? 0 : 8 - first.length - last.length }, () => '0'), ...last];
  return all.reduce((n, group) => (n << 16n) + BigInt(`0x${group}`), 0n);
}

export function toText(n: bigint, version: 4 | 6): string {
  if (version === 4) return [24n, 16n, 8n, 0n].map((shift) => String((n >> shift) & 255n)).join('.');
  const groups = Array.from({ length: 8 }, (_, i) => ((n >> BigInt(112 - 16 * i)) & 0xffffn).toString(16));
  // The longest run of zeros is left out, as RFC 5952 has it.
  const text = groups.join(':');
  const runs = [...text.matchAll(/(?:^|:)0(?::0)+(?=:|$)/g)].map((m) => m[0]).sort((a, b) => b.length - a.length);
  return runs[0] === undefined ? text : text.replace(runs[0], '::').replace(/:{3,}/, '::');
}

export interface Range {
  readonly version: 4 | 6;
  readonly first: bigint;
  readonly last: bigint;
  readonly bits: number;
}

/** @throws RangeError in Neutron's words */
export function parseCidr(cidr: string): Range {
  const [ip = '', bitsText = ''] = cidr.split('/');
  const version = isIPv4(ip) ? 4 : isIPv6(ip) ? 6 : undefined;
  const width = version === 4 ? 32 : 128;
  const bits = Number(bitsText);
  if (version === undefined || bitsText === '' || !Number.isInteger(bits) || bits < 0 || bits > width) throw new RangeError(`'${cidr}' is not a valid IP subnet.`);
  const span = 1n << BigInt(width - bits);
  const first = toNumber(ip);
  if (first % span !== 0n) throw new RangeError(`'${cidr}' isn't a recognized IP subnet cidr, '${toText(first - (first % span), version)}/${String(bits)}' is recommended.`);
  return { version, first, last: first + span - 1n, bits };
}

export const within = (range: { readonly first: bigint; readonly last: bigint }, ip: bigint): boolean => ip >= range.first && ip <= range.last;

/** What is left of a subnet for ports: all but its own addresses and the gateway's. */
export function defaultPools(range: Range, gateway: bigint | undefined): { start: string; end: string }[] {
  const first = range.first + 1n;
  const last = range.version === 4 ? range.last - 1n : range.last;
  const text = (n: bigint): string => toText(n, range.version);
  if (gateway === undefined || gateway < first || gateway > last) return [{ start: text(first), end: text(last) }];
  return [...(gateway > first ? [{ start: text(first), end: text(gateway - 1n) }] : []), ...(gateway < last ? [{ start: text(gateway + 1n), end: text(last) }] : [])];
}
