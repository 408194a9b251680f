/** MariaDB's GTID positions: `domain-server-sequence`, a domain each, with commas between. */
export type GtidPosition = ReadonlyMap<number, { readonly server: number; readonly sequence: number }>;

export function parseGtid(text: string | undefined): GtidPosition {
  const position = new Map<number, { server: number; sequence: number }>();
  for (const part of (text ?? '').split(',')) {
    const match = /^\s*(\d+)-(\d+)-(\d+)\s*$/.exec(part);
    if (!match) continue;
    const [domain = 0, server = 0, sequence = 0] = match.slice(1).map(Number);
    const before = position.get(domain);
    if (before === undefined || before.sequence < sequence) position.set(domain, { server, sequence });
  }
  return position;
}

/**
 * Whether `position` has all that `other` has, in the domains that both know; false when they know none in common. Each server has a domain
 * of its own besides that of the cluster: what is written only there is nobody else's concern.
 */
export function covers(position: GtidPosition, other: GtidPosition): boolean {
  const shared = [...position].filter(([domain]) => other.has(domain));
  return shared.length > 0 && shared.every(([domain, { sequence }]) => (other.get(domain)?.sequence ?? 0) <= sequence);
}

/** By how many transactions `position` is ahead of `other`, over the domains that `other` knows. 0: not ahead. */
export function ahead(position: GtidPosition, other: GtidPosition): number {
  return [...other].reduce((sum, [domain, { sequence }]) => sum + Math.max(0, (position.get(domain)?.sequence ?? 0) - sequence), 0);
}
