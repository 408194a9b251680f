/** A resource as an inspection lists it: at a site, or in Godwit's catalogue. */
export type Row = Readonly<Record<string, unknown>>;

/** Times, and numbers that differ from run to run though nothing is wrong. */
const volatile = /^(.*[aA]t|.*_at|.*[tT]ime|.*timestamp|created|updated|since|.*Ms|.*_ms|message|host_id|hostId|address|progress|generation|object_count|ships|sha256|checksum|os_hash_value|.*_hash|hash|sizeBytes)$/;
const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi;
const hex = /\b[0-9a-f]{32}\b/gi;

/**
 * A row without what cannot be the same in two runs: ids are told apart only by being there or not, times are left out. Two runs whose
 * rows are the same multiset have made the same things.
 */
export function canonical(row: Row): string {
  const clean = (value: unknown): unknown => {
    if (typeof value === 'string') return value.replace(uuid, '*').replace(hex, '*');
    if (Array.isArray(value)) return value.map(clean).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
    if (value instanceof Date) return undefined;
    if (typeof value === 'object' && value !== null) {
      return Object.fromEntries(
        Object.entries(value)
          .filter(([k, v]) => !volatile.test(k) && v !== undefined && v !== null)
          .map(([k, v]) => [k.replace(uuid, '*'), clean(v)] as const)
          .sort(([a], [b]) => (a < b ? -1 : 1)),
      );
    }
    return value;
  };
  return JSON.stringify(clean(row));
}

/** Lines that are there too often (`+`) or too seldom (`-`) against what was expected. */
export function differences(expected: readonly string[], found: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const line of found) counts.set(line, (counts.get(line) ?? 0) + 1);
  for (const line of expected) counts.set(line, (counts.get(line) ?? 0) - 1);
  return [...counts].filter(([, n]) => n !== 0).map(([line, n]) => `${n > 0 ? '+' : '-'}${Math.abs(n) > 1 ? `${Math.abs(n)}×` : ''} ${line}`).sort();
}
