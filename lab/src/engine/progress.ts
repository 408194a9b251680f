/** Tells a person what is done and what is waited for. */
export interface Progress {
  /** A finished stage or a remark. */
  note(text: string): void;
  start(key: string): void;
  /** Why a started thing is not done yet. */
  waiting(key: string, why: string): void;
  done(key: string): void;
  failed(key: string): void;
  /** Stops the display. */
  close(): void;
}

export interface ProgressOut {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/**
 * On a terminal: a line per finished thing above one live line of what is waited for. Elsewhere: the same lines, and every 15 s
 * one that names what is still waited for.
 */
export function textProgress(out: ProgressOut, now: () => number = Date.now): Progress {
  const began = now();
  const live = out.isTTY === true;
  const open = new Map<string, { since: number; why: string }>();
  const clock = (): string => `${((now() - began) / 1000).toFixed(1).padStart(6)} s`;
  const clear = (): void => {
    if (live) out.write('\r\x1b[2K');
  };
  const summary = (): string =>
    [...open]
      .sort(([, a], [, b]) => a.since - b.since)
      .map(([key, { since, why }]) => `${key} ${((now() - since) / 1000).toFixed(0)} s${why === '' ? '' : ` (${why.slice(0, 60)})`}`)
      .join(', ');
  const draw = (): void => {
    if (live && open.size > 0) out.write(`${clock()}  … ${summary()}`.replaceAll('\n', ' ').slice(0, (out.columns ?? 80) - 1));
  };
  const line = (text: string): void => {
    clear();
    out.write(`${clock()}  ${text}\n`);
    draw();
  };
  const timer = setInterval(
    () => {
      if (open.size === 0) return;
      if (live) {
        clear();
        draw();
      } else out.write(`${clock()}  waiting for ${summary()}\n`);
    },
    live ? 500 : 15_000,
  );
  timer.unref();
  return {
    note: line,
    start(key) {
      open.set(key, { since: now(), why: '' });
    },
    waiting(key, why) {
      const entry = open.get(key);
      if (entry) entry.why = why;
    },
    done(key) {
      const entry = open.get(key);
      open.delete(key);
      line(`${key}${entry ? ` (${((now() - entry.since) / 1000).toFixed(1)} s)` : ''}`);
    },
    failed(key) {
      open.delete(key);
      line(`${key} FAILED`);
    },
    close() {
      clearInterval(timer);
      clear();
    },
  };
}

export const silentProgress: Progress = {
  note: () => undefined, start: () => undefined, waiting: () => undefined, done: () => undefined, failed: () => undefined, close: () => undefined,
};
