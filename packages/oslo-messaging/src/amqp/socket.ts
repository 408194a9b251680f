import type { Socket } from 'node:net';
import type { Connection } from 'rabbitmq-client';

/** Our largest frame is 8 KiB; this leaves room for whatever a peer negotiates. */
const LARGEST_READ = 1024 * 1024;

/** The library's socket. It has no public name: the version of rabbitmq-client is pinned, and tests watch both uses. */
const socketOf = (connection: Connection): Socket | undefined => (connection as unknown as { _socket?: Socket })._socket;

/**
 * The library believes a frame's length unseen and asks Node for as many bytes; a peer that speaks another protocol ("HTTP" read
 * as a length is 1.2 GB) then ends the whole process by an uncaught RangeError.
 */
export function limitReads(connection: Connection): void {
  const socket = socketOf(connection);
  if (!socket) return;
  const read = socket.read.bind(socket);
  socket.read = (size?: number): unknown => {
    if (size === undefined || size <= LARGEST_READ) return read(size) as unknown;
    socket.destroy(new Error('the peer does not speak AMQP'));
    return null;
  };
}

/**
 * Ends the connection, and with it what still waits in our socket: the peer shall never see it. Under TLS Node cannot reset, and
 * the kernel may go on sending until the broker misses our heart-beats and closes its side (16 s).
 */
export function resetSocket(connection: Connection): void {
  try {
    socketOf(connection)?.resetAndDestroy();
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ERR_INVALID_HANDLE_TYPE') throw error;
  } finally {
    connection.unsafeDestroy();
  }
}
