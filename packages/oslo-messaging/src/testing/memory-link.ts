import { createDeferred } from '../deferred.ts';
import { RpcError } from '../errors.ts';
import type { Delivery, ExchangeDeclaration, Link, Publication, PublishOutcome, QueueDeclaration } from '../transport.ts';
import type { MemoryBroker } from './memory-broker.ts';
import type { Consumer } from './memory-queue.ts';

/** A connection to a {@link MemoryBroker}. */
export class MemoryLink implements Link {
  readonly closed: Promise<RpcError>;
  readonly #broker: MemoryBroker;
  readonly #confirmTimeoutMs: number;
  readonly #gone = createDeferred<RpcError>();
  #reason: RpcError | undefined;

  constructor(broker: MemoryBroker, confirmTimeoutMs: number) {
    this.#broker = broker;
    this.#confirmTimeoutMs = confirmTimeoutMs;
    this.closed = this.#gone.promise;
  }

  end(reason: RpcError): void {
    this.#reason ??= reason;
    this.#gone.resolve(reason);
  }

  async publish(...publications: readonly Publication[]): Promise<PublishOutcome> {
    this.#assertOpen();
    if (this.#broker.cut) return this.#neverConfirmed();
    const outcomes = publications.map((publication) => this.#broker.publish(publication));
    await Promise.resolve();
    if (this.#reason) throw new RpcError('RPC_DISCONNECTED', this.#reason.message, { cause: this.#reason, delivered: 'maybe' });
    return outcomes.find((outcome) => outcome !== 'routed') ?? 'routed';
  }

  async declareQueue(declaration: QueueDeclaration): Promise<void> {
    await this.#turn();
    this.#broker.declareQueue(declaration, this);
  }

  async countMessages(queue: string): Promise<number | undefined> {
    await this.#turn();
    return this.#broker.queue(queue, this)?.messageCount;
  }

  async deleteQueue(queue: string): Promise<number> {
    await this.#turn();
    this.#broker.queue(queue, this);
    return this.#broker.deleteQueue(queue);
  }

  async declareExchange(declaration: ExchangeDeclaration): Promise<void> {
    await this.#turn();
    this.#broker.declareExchange(declaration);
  }

  async bindQueue(queue: string, exchange: string, routingKey: string): Promise<void> {
    await this.#turn();
    this.#broker.bindQueue(queue, exchange, routingKey);
  }

  async consume(name: string, onMessage: (delivery: Delivery) => void, onCancel: () => void): Promise<{ cancel(): Promise<void> }> {
    await this.#turn();
    const queue = this.#broker.queue(name, this);
    if (!queue) throw new RpcError('RPC_REFUSED', `NOT_FOUND - no queue '${name}'`);
    const consumer: Consumer = {
      owner: this,
      deliver: (delivery) => {
        if (!this.#reason && !this.#broker.cut) onMessage(delivery);
      },
      cancelled: () => {
        if (!this.#reason) onCancel();
      },
    };
    queue.subscribe(consumer);
    return {
      cancel: async () => {
        await Promise.resolve();
        queue.unsubscribe((each) => each === consumer);
        if (queue.declaration.autoDelete && queue.consumerCount === 0) this.#broker.deleteQueue(name);
      },
    };
  }

  async close(reason = new RpcError('RPC_CLOSED', 'The client was closed.', { delivered: 'maybe' })): Promise<void> {
    await Promise.resolve();
    this.#broker.drop(this, reason);
  }

  async #turn(): Promise<void> {
    this.#assertOpen();
    await Promise.resolve();
    this.#assertOpen();
  }

  #assertOpen(): void {
    if (this.#reason) throw new RpcError('RPC_DISCONNECTED', this.#reason.message, { cause: this.#reason });
  }

  async #neverConfirmed(): Promise<never> {
    const error = new RpcError('RPC_DISCONNECTED', `The broker did not confirm a message within ${this.#confirmTimeoutMs} ms.`, { delivered: 'maybe' });
    const cancel = this.#broker.clock.after(this.#confirmTimeoutMs, () => this.#broker.drop(this, error));
    const reason = await this.closed;
    cancel();
    throw reason.code === 'RPC_CLOSED' ? reason : error;
  }
}
