export interface ScenarioGroup {
  readonly topology: string;
  /** Paths below lab/test, in order. */
  readonly files: readonly string[];
}

/** Written, and not yet seen to pass on a real site: run only by name. One that has passed is taken off. */
export const unseen: readonly string[] = ['replication/96-replication-journal'];

/** The topology of scenarios that lie in no folder. */
const usual = 'two-site';

/**
 * What there is in lab/test, by the topology it wants: a folder there is named after one. `wanted` are parts of paths; none means all
 * that were seen to pass before.
 * Those that match nothing are given back.
 */
export function findScenarios(paths: readonly string[], wanted: readonly string[]): { readonly groups: ScenarioGroup[]; readonly unknown: string[]; readonly all: string[] } {
  const all = paths.filter((f) => f.endsWith('.test.ts')).toSorted((a, b) => nameOf(a).localeCompare(nameOf(b)));
  const chosen = all.filter((f) => (wanted.length === 0 ? !unseen.some((u) => f.includes(u)) : wanted.some((w) => f.includes(w))));
  const groups = new Map<string, string[]>();
  for (const file of chosen) {
    const topology = file.includes('/') ? (file.split('/')[0] ?? usual) : usual;
    groups.set(topology, [...(groups.get(topology) ?? []), file]);
  }
  return { groups: [...groups].map(([topology, files]) => ({ topology, files })), unknown: wanted.filter((w) => !all.some((f) => f.includes(w))), all };
}

const nameOf = (path: string): string => path.split('/').at(-1) ?? path;
