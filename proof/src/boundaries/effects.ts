import type { Emulator } from '@godwit/emulator';

/** Counts the changes that are made at the sites (HTTP and nova-compute's RPC), and strikes when one has been made, before it is answered. */
export class EffectTap {
  /** `site service METHOD path`, in order. */
  readonly effects: string[] = [];
  readonly end: () => void;
  #strike: { readonly at: number; readonly how: () => void; readonly struck: () => void } | undefined;

  constructor(emulator: Emulator) {
    this.end = emulator.tap(({ phase, site, service, method, path, mutates }) => {
      if (phase !== 'done' || !mutates) return;
      this.effects.push(`${site} ${service} ${method} ${path}`);
      if (this.#strike === undefined || this.effects.length < this.#strike.at) return;
      const { how, struck } = this.#strike;
      this.#strike = undefined;
      how();
      struck();
    });
  }

  /** Resolves when it has struck. */
  when(effects: number, how: () => void): Promise<void> {
    return new Promise((struck) => {
      this.#strike = { at: effects, how, struck };
    });
  }
}
