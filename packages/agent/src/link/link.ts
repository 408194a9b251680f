import { type Log } from '../node/log.ts';
import { showAddress } from '../node/addresses.ts';
import { AgentError, reason } from '../protocol/errors.ts';
import { type AgentReport, type FromHub, protocolVersion, quietMs, type WireError } from '../protocol/frames.ts';
import type { Address } from '../protocol/values.ts';
import { type Channel, type ChannelOptions, openChannel } from './channel.ts';
import { Backoff } from './backoff.ts';

type Welcome = Extract<FromHub, { t: 'welcome' }>;
type Call = Extract<FromHub, { t: 'call' }>;

export interface LinkOptions {
  readonly address: Address;
  readonly agentVersion: string;
  /** Asked at each connection: the certificate is renewed meanwhile. */
  readonly credentials: () => ChannelOptions;
  /** Carries a command out; answers or throws an AgentError. */
  readonly run: (call: Call, signal: AbortSignal) => Promise<unknown>;
  readonly onWelcome: (welcome: Welcome) => void;
  readonly onRenewed: (renewed: Extract<FromHub, { t: 'renewed' }>) => void;
  readonly toWire: (error: AgentError) => WireError;
  readonly log: Log;
  readonly random?: () => number;
  /** Longest pause between two tries. Default 60 s. */
  readonly maxPauseMs?: number;
}

/** The way home to one controller, taken up again for ever. */
export class Link {
  readonly address: string;
  readonly #options: LinkOptions;
  readonly #backoff: Backoff;
  readonly #running = new Map<number, AbortController>();
  #channel: Channel | undefined;
  #welcomed = false;
  #stopped = false;
  #wake: (() => void) | undefined;
  #lastWords = '';

  constructor(options: LinkOptions) {
    this.#options = options;
    this.address = showAddress(options.address);
    this.#backoff = new Backoff(options.maxPauseMs ?? 60_000, options.random ?? Math.random);
  }

  get connected(): boolean {
    return this.#welcomed;
  }

  start(): void {
    void this.#loop();
  }

  stop(): void {
    this.#stopped = true;
    this.#channel?.close();
    this.#wake?.();
  }

  report(report: AgentReport): void {
    // One who does not read gets no more of the same.
    if (this.#channel && this.#welcomed && this.#channel.backlog < 1_000_000) this.#channel.send({ t: 'report', report });
  }

  /** False: not connected. */
  renew(csr: string): boolean {
    if (!this.#channel || !this.#welcomed) return false;
    this.#channel.send({ t: 'renew', csr });
    return true;
  }

  async #loop(): Promise<void> {
    while (!this.#stopped) {
      const error = await this.#session();
      if (this.#stopped) return;
      const pause = this.#backoff.next(error instanceof AgentError && error.kind === 'terminal');
      // The same failure is told once, not each minute.
      const words = error === undefined ? 'the connection was closed' : reason(error);
      if (words !== this.#lastWords) this.#options.log('warn', 'no connection to the controller', { controller: this.address, reason: words, ...(error instanceof AgentError && { code: error.code }), againInMs: pause });
      this.#lastWords = words;
      await new Promise<void>((done) => {
        const timer = setTimeout(done, pause);
        this.#wake = () => (clearTimeout(timer), done());
      });
    }
  }

  /** One connection, from its beginning to its end. Resolves with what ended it. */
  async #session(): Promise<Error | undefined> {
    const { log, agentVersion } = this.#options;
    let channel: Channel;
    try {
      channel = await openChannel(this.#options.address, this.#options.credentials());
    } catch (error) {
      return error as Error;
    }
    if (this.#stopped) return void channel.close();
    this.#channel = channel;
    let [heard, said] = [Date.now(), Date.now()];
    const send = channel.send.bind(channel);
    channel.send = (frame) => ((said = Date.now()), send(frame));
    const watch = setInterval(() => {
      if (Date.now() - heard > 3 * quietMs) channel.close(new AgentError('GW_AGENT_UNREACHABLE', 'retryable', `${this.address} was silent for ${(3 * quietMs) / 1000} s`));
      else if (Date.now() - said >= quietMs) channel.send({ t: 'ping' });
    }, quietMs / 4);
    try {
      return await new Promise<Error | undefined>((resolve) => {
        channel.onClose = resolve;
        channel.onFrame = (frame) => {
          heard = Date.now();
          this.#take(channel, frame);
        };
        channel.send({ t: 'hello', v: protocolVersion, agentVersion, clock: new Date().toISOString() });
      });
    } finally {
      clearInterval(watch);
      if (this.#welcomed) log('info', 'disconnected', { controller: this.address });
      this.#channel = undefined;
      this.#welcomed = false;
      // What was asked for is done all the same: it bears being asked for again.
      this.#running.clear();
    }
  }

  #take(channel: Channel, frame: FromHub): void {
    switch (frame.t) {
      case 'welcome':
        this.#welcomed = true;
        this.#lastWords = '';
        this.#backoff.reset();
        this.#options.log('info', 'connected', { controller: this.address });
        return this.#options.onWelcome(frame);
      case 'call':
        return void this.#call(channel, frame);
      case 'cancel':
        return this.#running.get(frame.id)?.abort(new AgentError('GW_AGENT_CANCELLED', 'terminal', 'the controller has given the command up'));
      case 'renewed':
        return this.#options.onRenewed(frame);
      case 'refused':
        return channel.close(new AgentError(frame.error.code as `GW_${string}`, frame.error.kind, frame.error.message, frame.error.action === undefined ? {} : { action: frame.error.action }));
      case 'enrolled':
        return channel.close(new AgentError('GW_AGENT_PROTOCOL', 'terminal', 'a message out of turn'));
      case 'ping':
        return;
    }
  }

  async #call(channel: Channel, call: Call): Promise<void> {
    const abort = new AbortController();
    this.#running.set(call.id, abort);
    try {
      channel.send({ t: 'result', id: call.id, value: await this.#options.run(call, abort.signal) });
    } catch (error) {
      channel.send({ t: 'error', id: call.id, error: this.#options.toWire(error as AgentError) });
    } finally {
      this.#running.delete(call.id);
    }
  }
}
