import type { VersionWish } from '../session/microversion.ts';

/** The newest compute version that this client was written for (2024.1). */
const SPOKEN = '2.96';

export const WANT: VersionWish = { want: SPOKEN };

/** A call that cannot do without what came with `min`. */
export const wish = (min: string, what: string): VersionWish => ({ want: SPOKEN, min, what });
