/** What one point cost, and what a recovery from it took. */
export interface Protected {
  readonly method: string;
  readonly atOneInstant: boolean;
  /** First freeze sent to last thaw confirmed, by the controller's clock; a typed sequence has none. */
  readonly windowMs?: number;
  /** The longest that a member's writer stood still, by its own clock. */
  readonly stallMs: number;
  /** From the moment of the data until the point counts at the recovery site. */
  readonly countsSeconds: number;
  /** Protected without a pause: age of the data that one gets back, in the worst moment. */
  readonly rpoSeconds: number;
  /** Made by this point on the backup target, which both sites mount. */
  readonly storedBytes: number;
  /** Come from site1 at site2's network meanwhile. */
  readonly wanBytes: number;
}

export interface Recovery {
  /** From the request until both members are ACTIVE. */
  readonly activeSeconds: number;
  /** Until both writers go on. */
  readonly writersSeconds: number;
  /** Of the first, what Nova took to boot one member after the other. */
  readonly bootSeconds?: number;
}

export interface Way extends Protected {
  readonly recovery: Recovery;
}
