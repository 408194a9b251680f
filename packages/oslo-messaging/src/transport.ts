import type { RpcError } from './errors.ts';

/** What the client needs of AMQP. One implementation speaks to RabbitMQ, one is in memory for tests. All errors are RpcError. */
export interface Transport {
  /** Rejects with RPC_UNREACHABLE, RPC_AUTH or RPC_TLS. */
  connect(options: LinkOptions): Promise<Link>;
}

export interface LinkOptions {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
  readonly virtualHost: string;
  readonly tls?: TlsOptions;
  /** Shown in the broker's list of connections. */
  readonly name: string;
  readonly connectTimeoutMs: number;
  /** An operation unanswered for so long, a publish unconfirmed, ends the link. */
  readonly confirmTimeoutMs: number;
  /** Ends the attempt. */
  readonly signal?: AbortSignal;
}

export interface TlsOptions {
  /** PEM. Left out: the system's authorities. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly verify: boolean;
}

export interface Publication {
  /** Empty: the default exchange, where the routing key is a queue's name. */
  readonly exchange: string;
  readonly routingKey: string;
  readonly body: Buffer;
  readonly messageId: string;
  /** Survives a restart of the broker in a durable queue. */
  readonly persistent: boolean;
  /** Ask to be told when no queue is bound. */
  readonly mandatory: boolean;
  /** Time to live in the queue. */
  readonly expirationMs?: number;
}

export type PublishOutcome = 'routed' | 'no-queue' | 'no-exchange';

export interface QueueDeclaration {
  readonly queue: string;
  readonly durable: boolean;
  readonly exclusive: boolean;
  readonly autoDelete: boolean;
  readonly arguments?: Readonly<Record<string, string | number | boolean>>;
}

export interface ExchangeDeclaration {
  readonly exchange: string;
  readonly type: 'topic' | 'fanout';
  readonly durable: boolean;
  readonly autoDelete: boolean;
}

export interface Delivery {
  readonly body: Buffer;
  readonly exchange: string;
  readonly routingKey: string;
}

/** One connection; once lost it stays lost. A failed operation harms no other. */
export interface Link {
  /** Resolves with the reason when the link is gone, however that happened. */
  readonly closed: Promise<RpcError>;
  /**
   * Sends messages in this order; resolves when the broker has confirmed all, with the outcome of any that went nowhere.
   * Rejects with RPC_DISCONNECTED (delivered: maybe), RPC_NOT_CONFIRMED, RPC_REFUSED.
   */
  publish(...publications: readonly Publication[]): Promise<PublishOutcome>;
  declareQueue(declaration: QueueDeclaration): Promise<void>;
  /** Number of messages ready in a queue, or undefined if there is no such queue. */
  countMessages(queue: string): Promise<number | undefined>;
  /** Number of messages deleted with it; a queue that is not there is 0. */
  deleteQueue(queue: string): Promise<number>;
  declareExchange(declaration: ExchangeDeclaration): Promise<void>;
  bindQueue(queue: string, exchange: string, routingKey: string): Promise<void>;
  /** Messages count as done when delivered. `onCancel`: the broker ended it (the queue was deleted). */
  consume(queue: string, onMessage: (delivery: Delivery) => void, onCancel: () => void): Promise<{ cancel(): Promise<void> }>;
  /** Ends in good order; `reason` is what `closed` tells, RPC_CLOSED when left out. */
  close(reason?: RpcError): Promise<void>;
}
