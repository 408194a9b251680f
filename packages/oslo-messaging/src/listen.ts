import { decodeRequest } from './envelope.ts';
import type { RpcLog } from './log.ts';
import type { Link } from './transport.ts';
import type { HeardMessage, RpcListener } from './types.ts';

/**
 * On a queue of our own, which goes with the connection. Nothing is declared that is the services': the exchange must be there, so a user needs no more than
 * to read it. A lost listener is not taken up again by itself: the exchange goes when the last server leaves (a broker that comes back has none for a while), so its owner must try anew anyhow.
 */
export async function listen(link: Link, topic: string, newId: () => string, onMessage: (message: HeardMessage) => void, log: RpcLog): Promise<RpcListener> {
  const queue = `godwit.listen.${newId()}`;
  let active = true;
  const end = (): void => {
    active = false;
  };
  void link.closed.then(end);
  await link.declareQueue({ queue, durable: false, exclusive: true, autoDelete: true });
  try {
    await link.bindQueue(queue, `${topic}_fanout`, topic);
  } catch (error) {
    // Without a consumer an auto-delete queue would stay as long as the connection.
    await link.deleteQueue(queue).catch(() => undefined);
    throw error;
  }
  const consumer = await link.consume(queue, ({ body }) => {
    try {
      const { method, args, version } = decodeRequest(body);
      onMessage({ method, args, version });
    } catch (error) {
      log('warn', 'ignored a message that cannot be read', { topic, reason: (error as Error).message });
    }
  }, end);
  return {
    get active() {
      return active;
    },
    close: async () => {
      end();
      await consumer.cancel().catch(() => undefined);
    },
  };
}
