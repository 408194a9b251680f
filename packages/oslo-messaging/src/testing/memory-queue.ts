import type { RpcClock } from '../clock.ts';
import type { Delivery, QueueDeclaration } from '../transport.ts';

export interface StoredMessage {
  readonly body: Buffer;
  readonly exchange: string;
  readonly routingKey: string;
  readonly persistent: boolean;
  /** On the clock; undefined: lives for ever. */
  readonly expiresAt: number | undefined;
}

export interface Consumer {
  readonly owner: object;
  readonly deliver: (delivery: Delivery) => void;
  readonly cancelled: () => void;
}

export interface QueueEvents {
  /** A message's time to live ran out. */
  expired(message: StoredMessage): void;
  /** The queue was unused for its `x-expires`. */
  unused(): void;
}

/** A classic queue: first in, first out; the time to live of a message ends only when it is at the head. */
export class MemoryQueue {
  readonly declaration: QueueDeclaration;
  readonly owner: object | undefined;
  readonly #clock: RpcClock;
  readonly #events: QueueEvents;
  #messages: StoredMessage[] = [];
  #consumers: Consumer[] = [];
  #cancelHead = (): void => undefined;
  #cancelUnused = (): void => undefined;

  constructor(declaration: QueueDeclaration, owner: object | undefined, clock: RpcClock, events: QueueEvents) {
    this.declaration = declaration;
    this.owner = owner;
    this.#clock = clock;
    this.#events = events;
    this.touch();
  }

  get messageCount(): number {
    return this.#messages.length;
  }

  get consumerCount(): number {
    return this.#consumers.length;
  }

  /** Used: its `x-expires` begins anew. */
  touch(): void {
    this.#cancelUnused();
    const expires = this.declaration.arguments?.['x-expires'];
    if (typeof expires !== 'number') return;
    this.#cancelUnused = this.#clock.after(expires, () => (this.#consumers.length > 0 ? this.touch() : this.#events.unused()));
  }

  put(message: StoredMessage): void {
    this.#messages.push(message);
    this.#work();
  }

  subscribe(consumer: Consumer): void {
    this.#consumers.push(consumer);
    this.touch();
    this.#work();
  }

  unsubscribe(which: (consumer: Consumer) => boolean): void {
    this.#consumers = this.#consumers.filter((consumer) => !which(consumer));
    this.touch();
  }

  /** What a restart of the broker leaves. */
  restart(): void {
    this.#consumers = [];
    this.#messages = this.#messages.filter((message) => message.persistent);
    this.touch();
    this.#work();
  }

  /** Nothing happens any more; its consumers are told. */
  end(): void {
    this.pause();
    for (const consumer of this.#consumers) queueMicrotask(consumer.cancelled);
    this.#consumers = [];
  }

  pause(): void {
    this.#cancelHead();
    this.#cancelUnused();
  }

  #work(): void {
    this.#cancelHead();
    for (;;) {
      const head = this.#messages[0];
      if (!head) return;
      if (head.expiresAt !== undefined && head.expiresAt <= this.#clock.now() && this.#consumers.length === 0) {
        this.#messages.shift();
        this.#events.expired(head);
        continue;
      }
      const consumer = this.#consumers.shift();
      if (!consumer) {
        if (head.expiresAt !== undefined) this.#cancelHead = this.#clock.after(head.expiresAt - this.#clock.now(), () => this.#work());
        return;
      }
      this.#consumers.push(consumer);
      this.#messages.shift();
      queueMicrotask(() => consumer.deliver({ body: head.body, exchange: head.exchange, routingKey: head.routingKey }));
    }
  }
}
