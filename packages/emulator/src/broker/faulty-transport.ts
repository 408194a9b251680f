import type { Link, Publication, PublishOutcome, Transport } from '@godwit/oslo-messaging';
import type { Clock } from '../core/clock.ts';
import type { Hit, MessageFault } from '../faults/faults.ts';

export interface MessageFaults {
  readonly onMessage: (routingKey: string, rpc: string | undefined) => readonly Hit<MessageFault>[];
  readonly any: () => boolean;
  readonly clock: Clock;
}

/** A way into a broker on which messages are lost, doubled or late, as the faults have it. Sender and broker both think that all is well. */
export function faultyTransport(transport: Transport, faults: MessageFaults): Transport {
  return {
    connect: async (options) => {
      const link = await transport.connect(options);
      const publish = async (...publications: readonly Publication[]): Promise<PublishOutcome> => {
        if (!faults.any()) return link.publish(...publications);
        let outcome: PublishOutcome = 'routed';
        for (const publication of publications) {
          const one = await publishOne(link, publication, faults);
          if (one !== 'routed') outcome = one;
        }
        return outcome;
      };
      const wrapped: Link = {
        closed: link.closed, publish,
        declareQueue: (d) => link.declareQueue(d), countMessages: (q) => link.countMessages(q), deleteQueue: (q) => link.deleteQueue(q),
        declareExchange: (d) => link.declareExchange(d), bindQueue: (q, e, k) => link.bindQueue(q, e, k),
        consume: (q, m, c) => link.consume(q, m, c), close: (r) => link.close(r),
      };
      return wrapped;
    },
  };
}

async function publishOne(link: Link, publication: Publication, faults: MessageFaults): Promise<PublishOutcome> {
  let times = 1;
  let delay = 0;
  for (const { fault } of faults.onMessage(publication.routingKey, rpcMethod(publication.body))) {
    if (fault.kind === 'lose-message') times = 0;
    else if (fault.kind === 'double-message') times *= 2;
    else delay += fault.ms;
  }
  if (times === 0) return 'routed';
  if (delay > 0) {
    faults.clock.after(delay, () => {
      for (let i = 0; i < times; i += 1) link.publish(publication).catch(() => undefined);
    });
    return 'routed';
  }
  let outcome: PublishOutcome = 'routed';
  for (let i = 0; i < times; i += 1) outcome = await link.publish(publication);
  return outcome;
}

/** Method of a request in oslo.messaging's envelope; undefined for a reply. */
function rpcMethod(body: Buffer): string | undefined {
  try {
    const outer = JSON.parse(body.toString()) as { 'oslo.message'?: string };
    return (JSON.parse(outer['oslo.message'] ?? '{}') as { method?: string }).method;
  } catch {
    return undefined;
  }
}
