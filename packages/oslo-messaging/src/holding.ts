import { encodeRequest } from './envelope.ts';
import { RpcError } from './errors.ts';
import { describeTarget, routingKey } from './routing.ts';
import type { Link } from './transport.ts';
import type { HeldCast } from './types.ts';
import { assertSafeObjects } from './versioned-object.ts';

/** A holding queue deletes itself so long after its last message's time, should nobody release it. */
const LINGER_MS = 5 * 60_000;
const LONGEST_MS = 24 * 3_600_000;

const refuse = (why: string): never => {
  throw new RpcError('RPC_BAD_REQUEST', why);
};

/** What a user restricted to queues of our own may declare; also guards against deleting a service's queue by mistake. */
export function assertOwnQueue(queue: string): void {
  if (!/^godwit\.[\w.:-]{1,200}$/.test(queue)) refuse(`Holding queue ${queue} must be named godwit.<letters, digits, . _ : ->.`);
}

/**
 * Checks what shall be held.
 * @returns the casts in the order of their time. The broker looks only at a queue's head, so a later message ahead of an
 * earlier one would hold it back.
 */
export function planHolding(queue: string, casts: readonly HeldCast[]): readonly HeldCast[] {
  assertOwnQueue(queue);
  const first = casts[0] ?? refuse(`Holding queue ${queue} would hold nothing.`);
  for (const { message, afterMs } of casts) {
    if (describeTarget(message.target) !== describeTarget(first.message.target))
      refuse(`Holding queue ${queue} cannot serve both ${describeTarget(first.message.target)} and ${describeTarget(message.target)}: a queue has one dead-letter route.`);
    if (!Number.isFinite(afterMs) || afterMs < 0 || afterMs > LONGEST_MS) refuse(`Holding queue ${queue}: afterMs ${afterMs} is not between 0 and ${LONGEST_MS}.`);
    assertSafeObjects(message.args);
  }
  return [...casts].sort((a, b) => a.afterMs - b.afterMs);
}

/** Holds the new casts while the old queue is replaced: a crash between the two must not leave a frozen guest unguarded. */
const standIn = (queue: string): string => `${queue}.next`;

/** Makes `queue` hold `casts` (planned), and nothing else. */
export async function hold(link: Link, queue: string, casts: readonly HeldCast[], newId: () => string): Promise<void> {
  const replaces = (await link.countMessages(queue)) !== undefined;
  if (replaces) await fill(link, standIn(queue), casts, newId);
  await fill(link, queue, casts, newId);
  if (replaces) await link.deleteQueue(standIn(queue));
}

/** Deletes what {@link hold} made; resolves with the number of messages that it still held. */
export async function release(link: Link, queue: string): Promise<number> {
  return (await link.deleteQueue(queue)) + (await link.deleteQueue(standIn(queue)));
}

/** Messages still held; undefined when nothing is. */
export async function held(link: Link, queue: string): Promise<number | undefined> {
  const counts = [await link.countMessages(queue), await link.countMessages(standIn(queue))].filter((count) => count !== undefined);
  return counts.length === 0 ? undefined : counts.reduce((sum, count) => sum + count, 0);
}

async function fill(link: Link, queue: string, casts: readonly HeldCast[], newId: () => string): Promise<void> {
  const last = casts.at(-1);
  const target = casts[0]?.message.target;
  if (!last || !target) return;
  await link.deleteQueue(queue);
  await link.declareQueue({
    queue,
    durable: true,
    exclusive: false,
    autoDelete: false,
    arguments: {
      'x-queue-type': 'classic',
      'x-dead-letter-exchange': target.exchange,
      'x-dead-letter-routing-key': routingKey(target),
      // Messages of a queue that expires as a whole are not dead-lettered: so never before the last one's time.
      'x-expires': Math.ceil(last.afterMs) + LINGER_MS,
    },
  });
  const outcome = await link.publish(...casts.map(({ message, afterMs }) => {
    const id = newId();
    return {
      exchange: '',
      routingKey: queue,
      // Of its own id: servers drop a message whose id they saw among their last sixteen.
      body: encodeRequest(message, id),
      messageId: id,
      persistent: true,
      mandatory: true,
      expirationMs: afterMs,
    };
  }));
  if (outcome !== 'routed') throw new RpcError('RPC_NO_ROUTE', `Holding queue ${queue} vanished while it was being filled.`);
}
