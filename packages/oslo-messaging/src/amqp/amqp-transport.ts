import { isIP } from 'node:net';
import { Connection } from 'rabbitmq-client';
import { RpcError } from '../errors.ts';
import type { Link, LinkOptions, TlsOptions, Transport } from '../transport.ts';
import { connectError } from './errors.ts';
import { AmqpLink } from './amqp-link.ts';
import { limitReads } from './socket.ts';

/** Seconds. The library gives a silent peer up after two and a half of them; the broker gives us up after two. */
const HEARTBEAT_SECONDS = 8;

const tlsOptions = (tls: TlsOptions, host: string): Record<string, unknown> => ({
  ...(tls.ca === undefined ? {} : { ca: tls.ca }),
  ...(tls.cert === undefined ? {} : { cert: tls.cert }),
  ...(tls.key === undefined ? {} : { key: tls.key }),
  ...(isIP(host) ? {} : { servername: host }),
  rejectUnauthorized: tls.verify,
});

/**
 * RabbitMQ by rabbitmq-client. Each link is a connection of its own that is destroyed at the first error: the library's
 * reconnecting would hide why a later attempt failed, and would offer a connection whose reply queue is gone.
 */
export function createAmqpTransport(): Transport {
  return {
    connect: (options) =>
      new Promise<Link>((resolve, reject) => {
        if (options.signal?.aborted) return reject(new RpcError('RPC_CLOSED', 'The client was closed.'));
        const connection = new Connection(connectionOptions(options));
        limitReads(connection);
        let link: AmqpLink | undefined;
        const stop = (): void => {
          connection.unsafeDestroy();
          reject(new RpcError('RPC_CLOSED', 'The client was closed.'));
        };
        options.signal?.addEventListener('abort', stop, { once: true });
        connection.on('connection', () => {
          options.signal?.removeEventListener('abort', stop);
          link = new AmqpLink(connection, options.confirmTimeoutMs);
          resolve(link);
        });
        connection.on('error', (error: unknown) => {
          options.signal?.removeEventListener('abort', stop);
          connection.unsafeDestroy();
          if (link) link.lost(error);
          else reject(connectError(error, `${options.host}:${options.port}`));
        });
      }),
  };
}

const connectionOptions = (options: LinkOptions): ConstructorParameters<typeof Connection>[0] => ({
  hostname: options.host,
  port: options.port,
  username: options.username,
  password: options.password,
  vhost: options.virtualHost,
  connectionName: options.name,
  connectionTimeout: options.connectTimeoutMs,
  acquireTimeout: options.connectTimeoutMs,
  heartbeat: HEARTBEAT_SECONDS,
  noDelay: true,
  ...(options.tls ? { tls: tlsOptions(options.tls, options.host) } : {}),
});
