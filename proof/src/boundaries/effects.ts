import type { Emulator, TapEvent } from '@godwit/emulator';

/** Whose change it is, if anybody's. */
export type WhoseChange = (event: TapEvent) => string | undefined;

const told = ({ site, service, method, path }: TapEvent): string => `${site} ${service} ${method} ${path}`;

export interface Effect {
  /** `site service METHOD path` */
  readonly what: string;
  /** That were under way. */
  readonly steps: readonly string[];
}

/** A job's changes carry its id: HTTP in the request's global id; an RPC is known by its server. */
export const byJob = (jobOfServer: ReadonlyMap<string, string>): WhoseChange => ({ globalRequestId, service, path }) =>
  service === 'nova-compute' ? jobOfServer.get(path) : globalRequestId?.replace(/^req-/, '');

/**
 * Counts the changes that jobs make at the sites (HTTP, and nova-compute's RPC), and holds each job at one of its own: it is made, but not
 * answered; and what the job sends beside it does not arrive any more.
 */
export class EffectTap {
  /** Of each job, in order. */
  readonly effects = new Map<string, Effect[]>();
  /** Jobs that are held. */
  readonly held = new Set<string>();
  readonly end: () => void;
  readonly #holdAt = new Map<string, number>();
  readonly #answers: (() => void)[] = [];
  readonly #arrivals: { readonly go: () => void; readonly drop: (error: Error) => void }[] = [];

  /** `onHeld`: a job has come to where it is held. */
  constructor(emulator: Emulator, whose: WhoseChange, openSteps: (jobId: string) => readonly string[], onHeld: (jobId: string) => void = () => undefined) {
    this.end = emulator.tap(async (event) => {
      if (!event.mutates) return;
      const job = whose(event) ?? '';
      if (event.phase === 'arrived') {
        if (this.held.has(job)) await new Promise<void>((go, drop) => this.#arrivals.push({ go, drop }));
        return;
      }
      const mine = this.effects.get(job) ?? [];
      this.effects.set(job, [...mine, { what: told(event), steps: openSteps(job) }]);
      if (mine.length + 1 === this.#holdAt.get(job)) {
        this.held.add(job);
        onHeld(job);
      }
      if (this.held.has(job)) await new Promise<void>((go) => this.#answers.push(go));
    });
  }

  /** A job's `effects`-th change from now on is the last that it makes. */
  hold(jobId: string, effects: number): void {
    this.#holdAt.set(jobId, effects);
  }

  /** All is answered, and held no more. What has arrived beside is done as well, unless its sender is `dead`: then it never left. */
  release(sender: 'alive' | 'dead'): void {
    this.#holdAt.clear();
    this.held.clear();
    for (const answer of this.#answers.splice(0)) answer();
    // Of the dead, nothing is left to be told: the request stays as it is.
    for (const { go } of this.#arrivals.splice(0)) if (sender === 'alive') go();
  }
}
