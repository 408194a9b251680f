import type { NodeReport, RepositoryReport } from '../nodes.ts';
import type { Generation } from '../store/types.ts';

export interface Difference {
  /** What the node shows is the generation, whole, with nothing else. */
  readonly same: boolean;
  /** Indexes of keys that were never ours. */
  readonly foreign: readonly string[];
  /**
   * A foreign key that is not the staged one may have signed tokens, or let somebody else sign them: neither keeping it nor dropping it is
   * ours to decide. One that is staged has never signed.
   */
  readonly mayHaveSigned: boolean;
  /** For people; names indexes, never keys. */
  readonly text: string;
}

/** Holds what lies at a node against what should. `known`: hashes of all keys that were ever ours. */
export function compare(report: RepositoryReport | undefined, wanted: Generation, known: ReadonlySet<string>): Difference {
  if (report === undefined) return { same: false, foreign: [], mayHaveSigned: false, text: 'nothing is known of its keys' };
  const there = new Map(report.keys.map((k) => [k.index, k.sha256]));
  const should = new Map(wanted.entries.map((e) => [String(e.index), e.sha256]));
  const missing = [...should.keys()].filter((i) => !there.has(i));
  const other = [...should].filter(([i, hash]) => there.has(i) && there.get(i) !== hash).map(([i]) => i);
  const extra = [...there.keys()].filter((i) => !should.has(i));
  const foreign = [...there].filter(([, hash]) => !known.has(hash)).map(([i]) => i);
  const parts = [
    report.generation !== wanted.generation && `has generation ${report.generation} of ${wanted.generation}`,
    missing.length > 0 && `lacks key ${missing.join(', ')}`,
    other.length > 0 && `has another key ${other.join(', ')}`,
    extra.length > 0 && `still has key ${extra.join(', ')}`,
    foreign.length > 0 && `key ${foreign.join(', ')} was never one of the star’s`,
    ...report.problems.map((p) => p.message),
  ].filter((p) => p !== false);
  return { same: parts.length === 0, foreign, mayHaveSigned: foreign.some((i) => i !== '0'), text: parts.join('; ') };
}

/**
 * As compare(), of a node's last report. One from before the generation was shown by all nodes is older than what is known already, and is not
 * taken for a repository that somebody changed.
 */
export function compareShown(report: NodeReport | undefined, wanted: Generation, known: ReadonlySet<string>): Difference {
  if (report && wanted.provenAt !== undefined && report.at <= wanted.provenAt) return { same: true, foreign: [], mayHaveSigned: false, text: '' };
  return compare(report?.repositories.find((r) => r.kind === wanted.kind), wanted, known);
}
