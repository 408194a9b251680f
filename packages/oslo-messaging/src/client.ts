import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createAmqpTransport } from './amqp/amqp-transport.ts';
import { Calls } from './calls.ts';
import { type RpcClock, systemClock } from './clock.ts';
import { encodeRequest } from './envelope.ts';
import { RpcError } from './errors.ts';
import { assertOwnQueue, held, hold, planHolding, release } from './holding.ts';
import { LinkKeeper } from './keeper.ts';
import { listen } from './listen.ts';
import { noLog, type RpcLog } from './log.ts';
import { fanoutExchange, noRoute, routingKey } from './routing.ts';
import { Service } from './serve.ts';
import type { Link, TlsOptions, Transport } from './transport.ts';
import { parseTransportUrl, type TransportUrl } from './transport-url.ts';
import type { RpcClient, RpcMessage } from './types.ts';
import { assertSafeObjects } from './versioned-object.ts';

export interface RpcClientOptions {
  /** As a service's `transport_url`: see {@link parseTransportUrl}. */
  readonly url: string;
  /** TLS with a CA of one's own or a client certificate (PEM files); giving it asks for TLS, whatever the URL's scheme. */
  readonly tls?: { readonly caFile?: string; readonly certFile?: string; readonly keyFile?: string; readonly verify?: boolean };
  /** Name of the connection in the broker's list; default `oslo-messaging`. */
  readonly name?: string;
  /** How long to wait for a connection, at opening and before sending; default 10 s. */
  readonly connectTimeoutMs?: number;
  /** The broker must confirm a message within this, else the connection is given up; default 10 s. */
  readonly confirmTimeoutMs?: number;
  readonly clock?: RpcClock;
  readonly log?: RpcLog;
  /** 32 hexadecimal digits; for tests. */
  readonly newId?: () => string;
  readonly random?: () => number;
  /** Another way to a broker than AMQP over the network: `createMemoryBroker().transport` in tests. */
  readonly transport?: Transport;
}

/**
 * A client of oslo.messaging's RPC over RabbitMQ. It begins to connect at once, and reconnects until it is closed.
 * @throws RpcError RPC_BAD_URL, RPC_TLS (a file that cannot be read)
 */
export function createRpcClient(options: RpcClientOptions): RpcClient {
  const url = parseTransportUrl(options.url);
  const clock = options.clock ?? systemClock;
  const log = options.log ?? noLog;
  const newId = options.newId ?? (() => randomBytes(16).toString('hex'));
  const connectTimeoutMs = options.connectTimeoutMs ?? 10_000;
  const services = new Set<Service>();
  const replyQueues = new WeakMap<Link, string>();

  const calls = new Calls({
    keeper: () => keeper,
    replyQueue: (link) => replyQueues.get(link) ?? '',
    clock, newId, log,
  });

  const setup = async (link: Link): Promise<void> => {
    // Not `reply_…` as the services' own: a user that may use those could take their replies. A new name for each connection: the broker may still hold the lost connection's queue, locked, for a while.
    const replyQueue = `godwit.reply.${newId()}`;
    await link.declareQueue({ queue: replyQueue, durable: false, exclusive: true, autoDelete: true });
    await link.consume(replyQueue, ({ body }) => calls.onReply(body), () => {
      // No reply can arrive any more: as good as a lost connection.
      void link.close(new RpcError('RPC_DISCONNECTED', 'The broker ended our reply queue.', { delivered: 'maybe' }));
    });
    replyQueues.set(link, replyQueue);
    for (const service of services) await service.establish(link);
  };

  const keeper: LinkKeeper = new LinkKeeper({
    url, clock, log, connectTimeoutMs, setup,
    transport: options.transport ?? createAmqpTransport(),
    tls: readTls(url, options.tls),
    name: options.name ?? 'oslo-messaging',
    random: options.random ?? Math.random,
    confirmTimeoutMs: options.confirmTimeoutMs ?? 10_000,
    onLost: (link, reason) => calls.onLost(link, reason),
  });

  const send = async (message: RpcMessage, exchange: string, key: string): Promise<void> => {
    assertSafeObjects(message.args);
    const link = await keeper.ready(connectTimeoutMs);
    const id = newId();
    const outcome = await link.publish({ exchange, routingKey: key, body: encodeRequest(message, id), messageId: id, persistent: true, mandatory: true });
    if (outcome !== 'routed') throw noRoute({ ...message.target, exchange }, outcome);
  };

  return {
    ready: async (timeoutMs = connectTimeoutMs) => {
      await keeper.ready(timeoutMs);
    },
    call: (message, callOptions) => calls.start(message, callOptions),
    cast: (message) => send(message, message.target.exchange, routingKey(message.target)),
    fanout: (message) => send(message, fanoutExchange(message.target), message.target.topic),
    hold: async (queue, casts) => {
      const planned = planHolding(queue, casts);
      await hold(await keeper.ready(connectTimeoutMs), queue, planned, newId);
    },
    release: async (queue) => {
      assertOwnQueue(queue);
      return release(await keeper.ready(connectTimeoutMs), queue);
    },
    held: async (queue) => held(await keeper.ready(connectTimeoutMs), queue),
    serve: async (target, handler) => {
      const service = new Service({ target, handler, clock, newId, log });
      const link = await keeper.ready(connectTimeoutMs);
      await service.establish(link);
      services.add(service);
      // Lost while it was being laid out: the next link did not know of it yet.
      if (keeper.link !== link && keeper.link) await service.establish(keeper.link);
      return {
        close: async (closing) => {
          services.delete(service);
          await service.close(closing);
        },
      };
    },
    listen: async (topic, onMessage) => listen(await keeper.ready(connectTimeoutMs), topic, newId, onMessage, log),
    get connected() {
      return keeper.link !== undefined;
    },
    close: async () => {
      calls.close();
      await keeper.close();
    },
  };
}

function readTls(url: TransportUrl, given: RpcClientOptions['tls']): TlsOptions | undefined {
  if (!url.tls && !given) return undefined;
  const read = (file: string | undefined): string | undefined => {
    if (file === undefined) return undefined;
    try {
      return readFileSync(file, 'utf8');
    } catch (cause) {
      throw new RpcError('RPC_TLS', `Cannot read TLS file ${file}: ${(cause as Error).message}.`, { cause });
    }
  };
  const ca = read(given?.caFile ?? url.caFile);
  const cert = read(given?.certFile ?? url.certFile);
  const key = read(given?.keyFile ?? url.keyFile);
  return {
    verify: given?.verify ?? true,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}
