import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { compute, createRig, message, type Rig } from './testing/fixtures.ts';
import { settle } from './testing/manual-clock.ts';
import type { Transport } from './transport.ts';

const QUEUE = 'godwit.thaw.u1';
/** Declares its reply queue, and consumes it. */
const SETUP_OPERATIONS = 2;
let rig: Rig;
let thaws: number[];

const serveThaw = (): Promise<{ close(): Promise<void> }> =>
  rig.daemon.serve(compute, async (method, _args, _context, { expectsReply }) => {
    expect(method).toBe('unquiesce_instance');
    expect(expectsReply).toBe(false);
    thaws.push(rig.clock.now());
  });
const rungs = (...times: number[]): { message: ReturnType<typeof message>; afterMs: number }[] =>
  times.map((afterMs) => ({ message: message('unquiesce_instance'), afterMs }));

/** A transport whose connection dies before the n-th operation after the client has set itself up. */
function dyingAfter(operations: number, { broker }: Rig): Transport {
  return {
    connect: async (options) => {
      const link = await broker.transport.connect(options);
      let left = operations + SETUP_OPERATIONS;
      return new Proxy(link, {
        get: (target, name) => {
          const member: unknown = Reflect.get(target, name, target);
          if (typeof member !== 'function') return member;
          return async (...args: unknown[]) => {
            if (name !== 'close' && (left -= 1) < 0) await target.close();
            return Reflect.apply(member, target, args) as unknown;
          };
        },
      });
    },
  };
}

beforeEach(async () => {
  rig = createRig();
  thaws = [];
  await Promise.all([rig.client.ready(), rig.daemon.ready()]);
  await serveThaw();
});
afterEach(() => rig.close());

describe('hold', () => {
  it('has the broker send each cast at its time, in whatever order they were given', async () => {
    await rig.client.hold(QUEUE, rungs(50_000, 30_000, 35_000));
    await rig.clock.advance(29_999);
    expect(thaws).toEqual([]);
    await rig.clock.advance(60_000);
    expect(thaws).toEqual([30_000, 35_000, 50_000]);
    expect(await rig.client.held(QUEUE)).toBe(0);
  });

  it('needs nothing of the client any more', async () => {
    await rig.client.hold(QUEUE, rungs(30_000));
    await rig.client.close();
    await rig.clock.advance(30_000);
    expect(thaws).toEqual([30_000]);
  });

  it('outlives the broker\'s death; a cast whose exchange is missing at its time is lost, a later one is not', async () => {
    await rig.client.hold(QUEUE, rungs(30_000, 45_000));
    await rig.daemon.close();
    rig.broker.stop();
    rig.broker.start();
    await rig.clock.advance(31_000);
    expect(rig.broker.lostDeadLetters).toBe(1);
    const returned = rig.connect();
    await returned.ready();
    await returned.serve(compute, async () => void thaws.push(rig.clock.now()));
    await rig.clock.advance(14_000);
    expect(thaws).toEqual([45_000]);
  });

  it('replaces what the queue held', async () => {
    await rig.client.hold(QUEUE, rungs(10_000, 20_000));
    await rig.client.hold(QUEUE, rungs(30_000));
    expect(await rig.client.held(QUEUE)).toBe(1);
    await rig.clock.advance(60_000);
    expect(thaws).toEqual([30_000]);
  });

  it('replaces without a gap: wherever its connection is lost, old or new casts are held', async () => {
    for (let operations = 1; operations < 12; operations += 1) {
      const small = createRig();
      await Promise.all([small.client.ready(), small.daemon.ready()]);
      let thawed = 0;
      await small.daemon.serve(compute, async () => (thawed += 1));
      await small.client.hold(QUEUE, rungs(10_000));
      const replacing = small.connect({ transport: dyingAfter(operations, small) });
      await replacing.ready();
      const outcome = await replacing.hold(QUEUE, rungs(20_000)).then(() => 'done', () => 'died');
      expect(await small.client.held(QUEUE), `after ${operations} operations (${outcome})`).toBeGreaterThan(0);
      await small.clock.advance(60_000);
      expect(thawed, `after ${operations} operations (${outcome})`).toBeGreaterThan(0);
      if (outcome === 'done') expect(small.broker.queues().filter(({ queue }) => queue.startsWith(QUEUE))).toHaveLength(1);
      await small.close();
      if (outcome === 'done') return;
    }
    expect.unreachable('the last round should have succeeded');
  });

  it('leaves no queue behind, even if nobody releases it', async () => {
    await rig.client.hold(QUEUE, rungs(30_000));
    await rig.clock.advance(30_000 + 5 * 60_000 - 1);
    expect(await rig.client.held(QUEUE)).toBe(0);
    await rig.clock.advance(1);
    expect(await rig.client.held(QUEUE)).toBeUndefined();
  });

  it('declares no exchange, and makes its messages durable', async () => {
    const before = rig.broker.exchanges();
    await rig.client.hold(QUEUE, rungs(1_000));
    expect(rig.broker.exchanges()).toEqual(before);
    expect(rig.broker.queues().find(({ queue }) => queue === QUEUE)?.declaration).toMatchObject({
      durable: true, exclusive: false, autoDelete: false,
      arguments: { 'x-dead-letter-exchange': 'nova', 'x-dead-letter-routing-key': 'compute.host1', 'x-queue-type': 'classic' },
    });
    expect(rig.broker.published.at(-1)).toMatchObject({ exchange: '', routingKey: QUEUE, persistent: true, expirationMs: 1_000 });
  });

  it.each([
    ['another\'s queue', 'compute.host1', () => rungs(1)],
    ['nothing to hold', QUEUE, () => []],
    ['a time that is none', QUEUE, () => rungs(Number.NaN)],
    ['two targets', QUEUE, () => [...rungs(1), { message: message('m', { target: { ...compute, server: 'host2' } }), afterMs: 2 }]],
  ])('refuses %s', async (_, queue, casts) => {
    await expect(rig.client.hold(queue, casts())).rejects.toEqual(expect.objectContaining({ code: 'RPC_BAD_REQUEST' }));
    expect(rig.broker.queues().some((each) => each.queue === QUEUE)).toBe(false);
  });
});

describe('release', () => {
  it('takes the casts back', async () => {
    await rig.client.hold(QUEUE, rungs(10_000, 20_000, 30_000));
    await rig.clock.advance(15_000);
    expect(await rig.client.release(QUEUE)).toBe(2);
    await rig.clock.advance(60_000);
    expect(thaws).toEqual([10_000]);
  });

  it('of a queue that is not there is success', async () => {
    expect(await rig.client.release(QUEUE)).toBe(0);
    expect(await rig.client.held(QUEUE)).toBeUndefined();
  });

  it('refuses a queue that is not ours', async () => {
    await expect(rig.client.release('compute.host1')).rejects.toEqual(expect.objectContaining({ code: 'RPC_BAD_REQUEST' }));
    await settle();
    expect(rig.broker.queues().some(({ queue }) => queue === 'compute.host1')).toBe(true);
  });
});
