/**
 * Randomness of the proofs: one number, printed, from which everything else follows. GODWIT_PROOF_SEED replays a run.
 */
export function chosenSeed(env: Readonly<Record<string, string | undefined>> = process.env, now: () => number = Date.now): number {
  const given = env['GODWIT_PROOF_SEED'];
  if (given === undefined || given === '') return now() % 2_147_483_647;
  const seed = Number(given);
  if (!Number.isSafeInteger(seed)) throw new Error(`GODWIT_PROOF_SEED="${given}" is not a whole number`);
  return seed;
}

/** A size of a proof that the environment may change: GODWIT_PROOF_<NAME>. */
export function chosenSize(name: string, normal: number, env: Readonly<Record<string, string | undefined>> = process.env): number {
  const given = env[`GODWIT_PROOF_${name}`];
  if (given === undefined || given === '') return normal;
  const size = Number(given);
  if (!Number.isSafeInteger(size) || size < 1) throw new Error(`GODWIT_PROOF_${name}="${given}" is not a number of at least 1`);
  return size;
}
