import { thawUntilSure, type Suspect, type ThawDeps } from './thaw.ts';

/**
 * Keeps thawing guests in the background after a freeze that failed or was interrupted: a job may end, the duty does not.
 * While a controller lives this is quicker than the dead-man switch; when it dies the switch is what is left.
 */
export class ThawKeeper {
  readonly #stop = new AbortController();
  readonly #running = new Map<string, Promise<void>>();

  /** Begins, or finds the duty under way; resolves when the guest is surely thawed. */
  keep(deps: ThawDeps, suspect: Suspect): Promise<void> {
    const id = suspect.guest.serverId;
    const running = this.#running.get(id);
    // A newer freeze of the same guest has a reply of its own to wait for.
    if (running && suspect.freeze === undefined) return running;
    const duty = (running ?? Promise.resolve())
      .catch(() => undefined)
      .then(() => thawUntilSure(deps, suspect, this.#stop.signal))
      .finally(() => {
        if (this.#running.get(id) === duty) this.#running.delete(id);
      });
    this.#running.set(id, duty);
    duty.catch(() => undefined);
    return duty;
  }

  /** Guests whose thaw is not sure yet. */
  pending(): readonly string[] {
    return [...this.#running.keys()];
  }

  close(): void {
    this.#stop.abort(new Error('the controller stops'));
  }
}
