import type { SyncChange } from './schemas.ts';

const what = (c: SyncChange): string => `${c.site} ${c.key}`;

/**
 * What was planned, as it turned out. A step that was run twice has only found what its first run left to do: what is planned, and neither tried
 * again nor left over, was made by the first. Of a site that cannot be asked (`away`) nobody knows: there it stays planned.
 */
export function turnedOut(planned: readonly SyncChange[], tried: readonly SyncChange[], left: readonly SyncChange[], away: readonly string[] = []): SyncChange[] {
  const outcomes = new Map(tried.map((c) => [what(c), c]));
  const open = new Set(left.map(what));
  const known = new Set(planned.map(what));
  return [
    ...planned.map((c): SyncChange => {
      const last = outcomes.get(what(c));
      if (last) return { ...c, outcome: last.outcome, ...(last.message === undefined ? {} : { message: last.message }) };
      return open.has(what(c)) || away.includes(c.site) ? c : { ...c, outcome: 'done' };
    }),
    ...tried.filter((c) => !known.has(what(c))),
  ];
}
