import type { TapEvent } from './site.ts';

export type TapListener = (event: TapEvent) => Promise<void> | void;

export interface Taps {
  readonly any: boolean;
  add(listener: TapListener): () => void;
  emit(event: TapEvent): Promise<void>;
}

/** Listeners that are awaited one after another. */
export function createTaps(): Taps {
  const listeners = new Set<TapListener>();
  return {
    get any() {
      return listeners.size > 0;
    },
    add(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    async emit(event) {
      for (const listener of listeners) await listener(event);
    },
  };
}
