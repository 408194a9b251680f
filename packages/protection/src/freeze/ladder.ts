/**
 * When the site's broker thaws a guest by itself, in milliseconds from arming. The first rung is inside the limit. The others
 * are for what one thaw cannot cure: nova-compute or its exchange being away at that moment (the message is then lost), and a
 * hung agent that carries out the freeze only when it comes back. They are never further apart than half the limit, so whatever
 * freezes the guest late is undone within it, for half an hour without anyone's help.
 */
export function ladder(limitMs: number): number[] {
  const first = firstRung(limitMs);
  const rungs: number[] = [];
  const dense = Math.max(1_000, Math.round(limitMs / 6));
  for (let i = 0; i < 12; i++) rungs.push(first + i * dense);
  const sparse = Math.round(limitMs / 2);
  for (let t = first + 11 * dense + sparse; t <= tailMs; t += sparse) rungs.push(t);
  return rungs;
}

/** A fifth of the limit is left for the message's way and the thaw itself. */
export const firstRung = (limitMs: number): number => Math.round(limitMs * 0.8);

const tailMs = 30 * 60_000;
