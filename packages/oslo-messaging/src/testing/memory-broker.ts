import { type RpcClock, systemClock } from '../clock.ts';
import { RpcError } from '../errors.ts';
import type { ExchangeDeclaration, Publication, PublishOutcome, QueueDeclaration, Transport } from '../transport.ts';
import { MemoryLink } from './memory-link.ts';
import { MemoryQueue, type StoredMessage } from './memory-queue.ts';

export interface MemoryBrokerOptions {
  readonly clock?: RpcClock;
  /** Left out: everyone may come in. */
  readonly credentials?: { readonly username: string; readonly password: string };
  /** False: `published` stays empty, for a broker that runs for long. */
  readonly record?: boolean;
}

export interface QueueInfo {
  readonly queue: string;
  readonly messages: number;
  readonly consumers: number;
  readonly declaration: QueueDeclaration;
}

interface Exchange {
  readonly declaration: ExchangeDeclaration;
  bindings: { readonly queue: string; readonly key: string }[];
}

const words = (text: string): string[] => text.split('.');

/** AMQP's topic pattern: `*` is one word, `#` any number of them. */
function matches(pattern: readonly string[], key: readonly string[]): boolean {
  const [head, ...rest] = pattern;
  if (head === undefined) return key.length === 0;
  if (head === '#') return matches(rest, key) || (key.length > 0 && matches(pattern, key.slice(1)));
  return key.length > 0 && (head === '*' || head === key[0]) && matches(rest, key.slice(1));
}

/**
 * A RabbitMQ in memory, as far as this package uses one: exchanges, queues, mandatory messages, times to live and dead
 * letters, exclusive queues, lost connections and restarts. For tests.
 */
export class MemoryBroker {
  readonly transport: Transport;
  /** For {@link createRpcClient}; the transport must be handed in as well. */
  readonly url = 'amqp://guest:guest@memory:5672/';
  readonly clock: RpcClock;
  /** All that was published, also what nobody took. */
  readonly published: Publication[] = [];
  /** Expired messages whose dead-letter exchange did not exist, or had no queue for them. */
  lostDeadLetters = 0;
  /** While true, nothing passes: publishes are not confirmed, nothing is delivered, no error is seen. */
  cut = false;
  #running = true;
  readonly #record: boolean;
  readonly #links = new Set<MemoryLink>();
  readonly #exchanges = new Map<string, Exchange>();
  readonly #queues = new Map<string, MemoryQueue>();

  constructor(options: MemoryBrokerOptions = {}) {
    this.clock = options.clock ?? systemClock;
    this.#record = options.record ?? true;
    const { credentials } = options;
    this.transport = {
      connect: async ({ host, port, username, password, confirmTimeoutMs }) => {
        await Promise.resolve();
        if (!this.#running || this.cut) throw new RpcError('RPC_UNREACHABLE', `Cannot connect to RabbitMQ at ${host}:${port}: connect ECONNREFUSED.`);
        if (credentials && (credentials.username !== username || credentials.password !== password))
          throw new RpcError('RPC_AUTH', `RabbitMQ at ${host}:${port} refused user, password or virtual host.`);
        const link = new MemoryLink(this, confirmTimeoutMs);
        this.#links.add(link);
        return link;
      },
    };
  }

  /** All connections break. */
  sever(): void {
    for (const link of [...this.#links]) this.drop(link, new RpcError('RPC_DISCONNECTED', 'The connection to the broker was lost.', { delivered: 'maybe' }));
  }

  /** As a kill: connections break; of the rest only persistent messages in durable queues are kept. */
  stop(): void {
    this.#running = false;
    this.sever();
    for (const [name, exchange] of this.#exchanges) if (!exchange.declaration.durable) this.#exchanges.delete(name);
    for (const [name, queue] of this.#queues) {
      queue.pause();
      if (!queue.declaration.durable) this.#removeQueue(name, queue);
    }
  }

  start(): void {
    this.#running = true;
    for (const queue of this.#queues.values()) queue.restart();
  }

  queues(): QueueInfo[] {
    return [...this.#queues].map(([queue, { messageCount, consumerCount, declaration }]) => ({
      queue, messages: messageCount, consumers: consumerCount, declaration,
    }));
  }

  exchanges(): string[] {
    return [...this.#exchanges.keys()];
  }

  deleteExchange(name: string): void {
    this.#exchanges.delete(name);
  }

  /** @returns its number of messages */
  deleteQueue(name: string): number {
    const queue = this.#queues.get(name);
    if (!queue) return 0;
    this.#removeQueue(name, queue);
    return queue.messageCount;
  }

  publish(publication: Publication): PublishOutcome {
    if (this.#record) this.published.push(publication);
    const { exchange, routingKey, body, persistent, expirationMs, mandatory } = publication;
    const expiresAt = expirationMs === undefined ? undefined : this.clock.now() + Math.max(1, Math.ceil(expirationMs));
    const outcome = this.#route({ body, exchange, routingKey, persistent, expiresAt });
    return outcome === 'no-queue' && !mandatory ? 'routed' : outcome;
  }

  declareQueue(declaration: QueueDeclaration, owner: object): void {
    const there = this.#queues.get(declaration.queue);
    if (there) {
      this.queue(declaration.queue, owner);
      const flags = ({ durable, autoDelete, exclusive, arguments: args }: QueueDeclaration): string => JSON.stringify([durable, autoDelete, exclusive, args ?? {}]);
      if (flags(there.declaration) !== flags(declaration)) throw new RpcError('RPC_REFUSED', `PRECONDITION_FAILED - inequivalent arg for queue '${declaration.queue}'`);
      there.touch();
      return;
    }
    const queue: MemoryQueue = new MemoryQueue(declaration, declaration.exclusive ? owner : undefined, this.clock, {
      expired: (message) => this.#deadLetter(declaration, message),
      unused: () => this.#removeQueue(declaration.queue, queue),
    });
    this.#queues.set(declaration.queue, queue);
  }

  /** @throws RpcError RPC_REFUSED when it is another connection's */
  queue(name: string, owner: object): MemoryQueue | undefined {
    const queue = this.#queues.get(name);
    if (queue?.owner && queue.owner !== owner) throw new RpcError('RPC_REFUSED', `RESOURCE_LOCKED - cannot obtain exclusive access to queue '${name}'`);
    return queue;
  }

  declareExchange(declaration: ExchangeDeclaration): void {
    const there = this.#exchanges.get(declaration.exchange);
    if (!there) this.#exchanges.set(declaration.exchange, { declaration, bindings: [] });
    else if (JSON.stringify(there.declaration) !== JSON.stringify(declaration))
      throw new RpcError('RPC_REFUSED', `PRECONDITION_FAILED - inequivalent arg for exchange '${declaration.exchange}'`);
  }

  bindQueue(queue: string, name: string, key: string): void {
    const exchange = this.#exchanges.get(name);
    if (!exchange || !this.#queues.has(queue)) throw new RpcError('RPC_REFUSED', `NOT_FOUND - no exchange '${name}' or queue '${queue}'`);
    if (!exchange.bindings.some((binding) => binding.queue === queue && binding.key === key)) exchange.bindings.push({ queue, key });
  }

  /** Ends one connection, with its exclusive queues and consumers. */
  drop(link: MemoryLink, reason: RpcError): void {
    if (!this.#links.delete(link)) return;
    for (const [name, queue] of this.#queues) {
      const before = queue.consumerCount;
      queue.unsubscribe((consumer) => consumer.owner === link);
      if (queue.owner === link || (queue.declaration.autoDelete && before > 0 && queue.consumerCount === 0)) this.#removeQueue(name, queue);
    }
    link.end(reason);
  }

  #route(message: StoredMessage): PublishOutcome {
    if (message.exchange === '') {
      const queue = this.#queues.get(message.routingKey);
      queue?.put(message);
      return queue ? 'routed' : 'no-queue';
    }
    const exchange = this.#exchanges.get(message.exchange);
    if (!exchange) return 'no-exchange';
    const fanout = exchange.declaration.type === 'fanout';
    const names = new Set(exchange.bindings.filter(({ key }) => fanout || matches(words(key), words(message.routingKey))).map(({ queue }) => queue));
    for (const name of names) this.#queues.get(name)?.put(message);
    return names.size > 0 ? 'routed' : 'no-queue';
  }

  #deadLetter(declaration: QueueDeclaration, message: StoredMessage): void {
    const exchange = declaration.arguments?.['x-dead-letter-exchange'];
    if (typeof exchange !== 'string') return;
    const routingKey = String(declaration.arguments?.['x-dead-letter-routing-key'] ?? message.routingKey);
    // Its time to live is taken off, else it would expire in its new queue at once.
    if (this.#route({ ...message, exchange, routingKey, expiresAt: undefined }) !== 'routed') this.lostDeadLetters += 1;
  }

  #removeQueue(name: string, queue: MemoryQueue): void {
    if (this.#queues.get(name) === queue) this.#queues.delete(name);
    queue.end();
    for (const [exchangeName, exchange] of this.#exchanges) {
      const left = exchange.bindings.filter((binding) => binding.queue !== name);
      const unbound = left.length < exchange.bindings.length;
      exchange.bindings = left;
      if (unbound && left.length === 0 && exchange.declaration.autoDelete) this.#exchanges.delete(exchangeName);
    }
  }
}

export const createMemoryBroker = (options: MemoryBrokerOptions = {}): MemoryBroker => new MemoryBroker(options);
