import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createRpcClient } from '../client.ts';
import { RpcError } from '../errors.ts';
import type { RpcClient } from '../types.ts';
import { connectError, operationError } from './errors.ts';

const cleanup: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of cleanup.splice(0).reverse()) await step();
});

/** A server on loopback that does `onSocket` to whoever comes. */
async function listen(onSocket: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanup.push(() => new Promise((resolve) => {
    for (const socket of sockets) socket.destroy();
    server.close(resolve);
  }));
  return (server.address() as AddressInfo).port;
}

function connect(url: string, connectTimeoutMs: number): RpcClient {
  const client = createRpcClient({ url, connectTimeoutMs });
  cleanup.push(() => client.close());
  return client;
}

const unreachable = expect.objectContaining({ code: 'RPC_UNREACHABLE', kind: 'retryable' });

describe('connecting', () => {
  it('to a port where nobody listens is RPC_UNREACHABLE, and names host and reason without the password', async () => {
    const port = await listen(() => undefined);
    for (const step of cleanup.splice(0)) await step();
    const error = await connect(`rabbit://u:hunter2@127.0.0.1:${port}/`, 200).ready().catch((caught: unknown) => caught);
    expect(error).toEqual(unreachable);
    expect((error as Error).message).toContain(`127.0.0.1:${port}`);
    expect((error as Error).message).toContain('ECONNREFUSED');
    expect((error as Error).message).not.toContain('hunter2');
  });

  it('to a server that says nothing is given up in time', async () => {
    const port = await listen(() => undefined);
    const start = performance.now();
    await expect(connect(`rabbit://u:p@127.0.0.1:${port}/`, 150).ready(400)).rejects.toEqual(unreachable);
    expect(performance.now() - start).toBeLessThan(900);
  });

  it('to a server that hangs up, or speaks another protocol, is RPC_UNREACHABLE', async () => {
    for (const greet of [(socket: Socket) => socket.destroy(), (socket: Socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')]) {
      const port = await listen(greet);
      await expect(connect(`rabbit://u:p@127.0.0.1:${port}/`, 150).ready()).rejects.toEqual(unreachable);
    }
  });

  it('is ended by close, at once', async () => {
    const port = await listen(() => undefined);
    const client = createRpcClient({ url: `rabbit://u:p@127.0.0.1:${port}/`, connectTimeoutMs: 60_000 });
    const ready = client.ready();
    const start = performance.now();
    await client.close();
    await expect(ready).rejects.toEqual(expect.objectContaining({ code: 'RPC_CLOSED' }));
    expect(performance.now() - start).toBeLessThan(500);
  });

  it('with a TLS file that is not there is RPC_TLS, and names it', () => {
    expect(() => createRpcClient({ url: 'amqps://u:p@h/', tls: { caFile: '/no/such/ca.pem' } })).toThrow(
      expect.objectContaining({ code: 'RPC_TLS', message: expect.stringContaining('/no/such/ca.pem') }),
    );
  });
});

describe('errors of the library', () => {
  const library = (code: string, message = 'text'): Error => Object.assign(new Error(message), { code });

  it.each([
    ['ACCESS_REFUSED', 'RPC_AUTH'],
    ['NOT_ALLOWED', 'RPC_AUTH'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'RPC_TLS'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'RPC_TLS'],
    ['ECONNRESET', 'RPC_UNREACHABLE'],
    ['CONNECTION_TIMEOUT', 'RPC_UNREACHABLE'],
  ])('%s while connecting is %s', (code, expected) => {
    expect(connectError(library(code), 'h:1').code).toBe(expected);
  });

  it.each([
    ['NACK', true, 'RPC_NOT_CONFIRMED', 'maybe'],
    ['ACCESS_REFUSED', true, 'RPC_REFUSED', 'no'],
    ['PRECONDITION_FAILED', true, 'RPC_REFUSED', 'no'],
    ['CH_CLOSE', true, 'RPC_DISCONNECTED', 'maybe'],
    // The same code of a connection that is gone says nothing about the message.
    ['ACCESS_REFUSED', false, 'RPC_DISCONNECTED', 'maybe'],
  ])('%s during an operation (connection alive: %s) is %s, delivered %s', (code, alive, expected, delivered) => {
    expect(operationError(library(code), 'a message', alive)).toMatchObject({ code: expected, delivered });
  });

  it('keep an error that is ours, and of OpenSSL\'s text only the reason', () => {
    const own = new RpcError('RPC_DISCONNECTED', 'own');
    expect(operationError(own, 'x', true)).toBe(own);
    const ssl = library('EPROTO', 'write EPROTO 80:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../deps/x.c:350:\n');
    expect(connectError(ssl, 'h:1').message).toBe('No trusted TLS connection to RabbitMQ at h:1: wrong version number (EPROTO).');
  });
});
