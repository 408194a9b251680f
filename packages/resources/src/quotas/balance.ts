/** One site's part in a limit over all sites. */
export interface Share {
  readonly site: string;
  /** In use and reserved; undefined: the site cannot be asked. */
  readonly use: number | undefined;
  /** The limit that was last set there; undefined: none of ours. */
  readonly lastLimit: number | undefined;
}

export type QuotaMode = 'hard' | 'soft';

/**
 * The limit of each site that can be asked, for one resource of one project. A site that cannot be asked keeps its last limit and is counted at
 * it, never below: behind our back it may fill up to there.
 * - soft: global limit - use elsewhere. Each site may take all that is free; two that do so at once, between two balancings, go over.
 * - hard: what is free is divided, by use, so that all limits together never exceed the global one.
 * No limit is below the use: what runs, runs.
 */
export function balance(global: number, shares: readonly Share[], mode: QuotaMode): Map<string, number> {
  const asked = shares.filter((s): s is Share & { use: number } => s.use !== undefined);
  const counted = (s: Share): number => s.use ?? Math.max(0, s.lastLimit ?? 0);
  const all = shares.reduce((n, s) => n + counted(s), 0);
  const limits = new Map<string, number>();
  if (mode === 'soft') {
    for (const s of asked) limits.set(s.site, Math.max(s.use, global - (all - s.use)));
    return limits;
  }
  let free = Math.max(0, global - all);
  // By use, and something for those that use nothing yet.
  const weights = asked.map((s) => s.use + 1);
  let weight = weights.reduce((a, b) => a + b, 0);
  for (const [n, s] of asked.entries()) {
    const part = weight === 0 ? 0 : Math.floor((free * (weights[n] ?? 0)) / weight);
    weight -= weights[n] ?? 0;
    free -= part;
    limits.set(s.site, s.use + part);
  }
  return limits;
}
