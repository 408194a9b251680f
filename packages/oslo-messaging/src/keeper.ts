import type { RpcClock } from './clock.ts';
import { createDeferred } from './deferred.ts';
import { RpcError } from './errors.ts';
import type { RpcLog } from './log.ts';
import type { Link, TlsOptions, Transport } from './transport.ts';
import type { TransportUrl } from './transport-url.ts';

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;
/** A connection that held so long was a good one: the next loss is retried quickly again. */
const STABLE_MS = 5_000;

export interface KeeperOptions {
  readonly url: TransportUrl;
  readonly transport: Transport;
  readonly tls: TlsOptions | undefined;
  readonly name: string;
  readonly clock: RpcClock;
  readonly random: () => number;
  readonly log: RpcLog;
  readonly connectTimeoutMs: number;
  readonly confirmTimeoutMs: number;
  /** Makes on a new link what the client needs there. The link is offered to callers only when this has succeeded. */
  readonly setup: (link: Link) => Promise<void>;
  readonly onLost: (link: Link, reason: RpcError) => void;
}

/** Keeps one link up, host after host, for as long as the client lives. */
export class LinkKeeper {
  readonly #options: KeeperOptions;
  readonly #waiting = new Set<{ resolve(link: Link): void; reject(error: RpcError): void }>();
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;
  #link: Link | undefined;
  #lastError: RpcError | undefined;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#done = this.#run();
  }

  get link(): Link | undefined {
    return this.#link;
  }

  /** Why there is no link now, as far as is known. */
  get problem(): RpcError {
    return this.#lastError ?? new RpcError('RPC_UNREACHABLE', `Not yet connected to ${this.#options.url.redacted}.`);
  }

  /** The link; rejects after `timeoutMs`, or at once when the broker refuses us: waiting would not help. */
  async ready(timeoutMs: number): Promise<Link> {
    if (this.#stop.signal.aborted) throw new RpcError('RPC_CLOSED', 'The client was closed.');
    if (this.#link) return this.#link;
    const waiter = createDeferred<Link>();
    this.#waiting.add(waiter);
    const cancel = this.#options.clock.after(timeoutMs, () => waiter.reject(this.problem));
    try {
      return await waiter.promise;
    } finally {
      cancel();
      this.#waiting.delete(waiter);
    }
  }

  async close(): Promise<void> {
    if (!this.#stop.signal.aborted) {
      this.#stop.abort();
      this.#refuse(new RpcError('RPC_CLOSED', 'The client was closed.'));
      await this.#link?.close();
    }
    await this.#done;
  }

  #refuse(error: RpcError): void {
    for (const waiter of this.#waiting) waiter.reject(error);
  }

  async #run(): Promise<void> {
    const { clock, log, url } = this.#options;
    let failures = 0;
    while (!this.#stop.signal.aborted) {
      const link = await this.#attempt();
      if (link) {
        const since = clock.now();
        this.#link = link;
        for (const waiter of this.#waiting) waiter.resolve(link);
        const reason = await link.closed;
        this.#link = undefined;
        this.#lastError = new RpcError('RPC_UNREACHABLE', `Not connected to ${url.redacted}: ${reason.message}`, { cause: reason });
        this.#options.onLost(link, reason);
        if (!this.#stop.signal.aborted) log('warn', 'lost the connection to the broker', { url: url.redacted, reason: reason.message });
        failures = clock.now() - since >= STABLE_MS ? 0 : failures + 1;
      } else failures += 1;
      if (!this.#stop.signal.aborted) await this.#pause(failures);
    }
  }

  /** Tries every host once. */
  async #attempt(): Promise<Link | undefined> {
    const { url, transport, tls, name, connectTimeoutMs, confirmTimeoutMs, setup, log } = this.#options;
    const errors: RpcError[] = [];
    for (const host of url.hosts) {
      if (this.#stop.signal.aborted) return undefined;
      let link: Link | undefined;
      try {
        link = await transport.connect({
          ...host, virtualHost: url.virtualHost, name, connectTimeoutMs, confirmTimeoutMs, signal: this.#stop.signal, ...(tls ? { tls } : {}),
        });
        await setup(link);
        if (this.#stop.signal.aborted) {
          await link.close();
          return undefined;
        }
        log('info', 'connected to the broker', { host: host.host, port: host.port });
        return link;
      } catch (cause) {
        const error = cause instanceof RpcError ? cause : new RpcError('RPC_UNREACHABLE', `Cannot use RabbitMQ at ${host.host}:${host.port}.`, { cause });
        errors.push(error);
        log('warn', 'cannot connect to the broker', { host: host.host, port: host.port, code: error.code, reason: error.message });
        await link?.close();
      }
    }
    const last = errors.at(-1);
    this.#lastError = errors.find((error) => error.kind === 'terminal') ?? last;
    if (this.#lastError && errors.every((error) => error.kind === 'terminal')) this.#refuse(this.#lastError);
    return undefined;
  }

  async #pause(failures: number): Promise<void> {
    const { clock, random } = this.#options;
    const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(failures, 10));
    const over = createDeferred<void>();
    const end = (): void => over.resolve();
    // Spread out, so that a restarted broker is not met by all clients at once.
    const cancel = clock.after(longest * (0.5 + random() / 2), end);
    this.#stop.signal.addEventListener('abort', end, { once: true });
    await over.promise;
    cancel();
    this.#stop.signal.removeEventListener('abort', end);
  }
}
