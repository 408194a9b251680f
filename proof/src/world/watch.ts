import type { Emulator } from '@godwit/emulator';
import { serverRows } from './inventory.ts';
import type { Row } from './canonical.ts';

export interface WatchOptions {
  /** The limit of the policy of a member's group. */
  readonly freezeLimitMs: (member: string) => number;
  /** What the thaw's message and the thaw itself may take on a busy machine. */
  readonly graceMs?: number;
}

/**
 * Looks at the sites all the while, for what must not be even for a moment: two running copies of a member, a guest that is frozen for
 * longer than the limit. Members are known by their names, which a recovered copy has too.
 */
export class Watch {
  readonly #emulator: Emulator;
  readonly #options: WatchOptions;
  readonly #timer: NodeJS.Timeout;
  readonly #found = new Set<string>();

  constructor(emulator: Emulator, options: WatchOptions, everyMs = 20) {
    this.#emulator = emulator;
    this.#options = options;
    this.#timer = setInterval(() => this.#look(), everyMs);
  }

  /** What was seen up to now. */
  violations(): string[] {
    this.#look();
    return [...this.#found];
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const servers = serverRows(this.#emulator);
    for (const problem of twoActive(servers)) this.#found.add(problem);
    for (const server of servers) {
      const ms = Number(server['longestFreezeMs'] ?? 0);
      const limit = this.#options.freezeLimitMs(String(server['name']));
      if (ms > limit + (this.#options.graceMs ?? 500)) this.#found.add(`${String(server['name'])} at ${String(server['site'])} was frozen for longer than ${limit} ms`);
    }
  }
}

export function twoActive(servers: readonly Row[]): string[] {
  const running = new Map<string, string[]>();
  for (const s of servers) {
    // A guest runs as long as there is one, whatever the API calls its state: Nova's record of a site without power still says ACTIVE.
    if (s['frozenSince'] === undefined) continue;
    const name = String(s['name']);
    running.set(name, [...(running.get(name) ?? []), `${String(s['site'])} (${String(s['status'])})`]);
  }
  return [...running].filter(([, sites]) => sites.length > 1).map(([name, sites]) => `two copies of ${name} run at once: ${sites.join(' and ')}`);
}
