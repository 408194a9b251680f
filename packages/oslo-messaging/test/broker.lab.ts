/**
 * Checks of this package against a real RabbitMQ. They use exchanges and queues of their own, all named `godwit…`: any
 * broker will do, and any user that has the rights which Godwit needs there.
 *
 *     GODWIT_TEST_AMQP_URL=rabbit://user:password@host:5672/ node --import tsx packages/oslo-messaging/test/broker.lab.ts
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { createRpcClient, type HeldCast, remoteFailure, type RpcClient, RpcError, type RpcMessage, type RpcTarget } from '../src/index.ts';

export interface BrokerCheck {
  readonly name: string;
  run(check: CheckContext): Promise<void>;
}

export interface CheckContext {
  readonly url: string;
  readonly client: RpcClient;
  /** Plays a service, on a connection of its own. */
  readonly daemon: RpcClient;
  readonly target: RpcTarget;
  note(text: string): void;
}

const message = (target: RpcTarget, method: string, args: Record<string, unknown> = {}): RpcMessage => ({
  target, method, args, context: { isAdmin: true, userId: 'check', projectId: 'check', roles: ['admin'] },
});
const failsWith = (code: string) => (error: unknown): boolean => {
  assert.ok(error instanceof RpcError, String(error));
  assert.equal(error.code, code, error.message);
  return true;
};
const timed = async (work: Promise<unknown>): Promise<number> => {
  const start = performance.now();
  await work.catch(() => undefined);
  return performance.now() - start;
};
const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;

export const brokerChecks: readonly BrokerCheck[] = [
  {
    name: 'a call is answered; large and foreign text pass unharmed',
    async run({ client, daemon, target, note }) {
      const service = await daemon.serve(target, async (_method, args) => args);
      const text = 'ü✓\u0000"\\'.repeat(100_000);
      assert.deepEqual(await client.call(message(target, 'echo', { text }), { timeoutMs: 10_000 }).result, { text });
      const times: number[] = [];
      for (let n = 0; n < 30; n += 1) times.push(await timed(client.call(message(target, 'echo'), { timeoutMs: 5_000 }).result));
      note(`round trip ${median(times).toFixed(1)} ms (median of 30)`);
      const many = await Promise.all(Array.from({ length: 100 }, (_, n) => client.call(message(target, 'echo', { n }), { timeoutMs: 10_000 }).result));
      assert.deepEqual(many, Array.from({ length: 100 }, (_, n) => ({ n })));
      await service.close({ deleteQueues: true });
    },
  },
  {
    name: 'a remote error keeps its class; an unknown version is told',
    async run({ client, daemon, target }) {
      const service = await daemon.serve(target, async () => {
        throw remoteFailure({ class: 'InstanceNotFound', module: 'nova.exception', message: 'gone' });
      });
      const call = client.call(message(target, 'm'), { timeoutMs: 5_000 });
      await assert.rejects(call.result, (error: RpcError) => error.remote?.class === 'InstanceNotFound');
      assert.equal(await call.settled, 'replied');
      await assert.rejects(client.call(message({ ...target, version: '9.0' }, 'm'), { timeoutMs: 5_000 }).result, failsWith('RPC_UNSUPPORTED_VERSION'));
      await service.close({ deleteQueues: true });
    },
  },
  {
    name: 'no queue and no exchange are RPC_NO_ROUTE at once, and harm no other call',
    async run({ client, daemon, target, note }) {
      const service = await daemon.serve(target, async () => sleep(300, 'slow'));
      const slow = client.call(message(target, 'm'), { timeoutMs: 5_000 });
      const nobody = { ...target, server: 'nobody' };
      const nowhere = { ...target, exchange: `godwit-missing-${randomBytes(4).toString('hex')}` };
      for (const wrong of [nobody, nowhere]) {
        await assert.rejects(client.cast(message(wrong, 'm')), failsWith('RPC_NO_ROUTE'));
        const call = client.call(message(wrong, 'm'), { timeoutMs: 30_000 });
        const took = await timed(call.result);
        await assert.rejects(call.result, failsWith('RPC_NO_ROUTE'));
        assert.equal(await call.settled, 'lost');
        assert.ok(took < 1_000, `${took} ms`);
        note(`told after ${took.toFixed(1)} ms`);
      }
      assert.equal(await slow.result, 'slow');
      await service.close({ deleteQueues: true });
    },
  },
  {
    name: 'a reply after the time-out is told; heart-beats keep a call alive',
    async run({ client, daemon, target }) {
      const service = await daemon.serve(target, async (_method, args) => sleep(Number(args['ms']), 'done'));
      const late = client.call(message(target, 'm', { ms: 800 }), { timeoutMs: 300 });
      await assert.rejects(late.result, failsWith('RPC_TIMEOUT'));
      assert.equal(await late.settled, 'replied');
      const beating = client.call(message(target, 'm', { ms: 4_000 }), { timeoutMs: 2_500, heartbeatSeconds: 4 });
      assert.equal(await beating.result, 'done');
      await service.close({ deleteQueues: true });
    },
  },
  {
    name: 'a call that timed out is not executed by a server that comes back',
    async run({ client, daemon, target }) {
      await (await daemon.serve(target, async () => undefined)).close();
      await assert.rejects(client.call(message(target, 'm'), { timeoutMs: 400 }).result, failsWith('RPC_TIMEOUT'));
      let called = 0;
      const service = await daemon.serve(target, async () => (called += 1));
      await sleep(300);
      assert.equal(called, 0);
      await service.close({ deleteQueues: true });
    },
  },
  {
    name: 'fan-out reaches every server',
    async run({ client, daemon, target }) {
      const seen: string[] = [];
      const one = await daemon.serve({ ...target, server: 'one' }, async () => seen.push('one'));
      const two = await client.serve({ ...target, server: 'two' }, async () => seen.push('two'));
      await client.fanout(message(target, 'm'));
      for (let n = 0; n < 50 && seen.length < 2; n += 1) await sleep(20);
      assert.deepEqual(seen.sort(), ['one', 'two']);
      await one.close({ deleteQueues: true });
      await two.close({ deleteQueues: true });
    },
  },
  {
    name: 'held casts are sent by the broker at their times, and not after a release',
    async run({ url, client, daemon, target, note }) {
      const queue = `godwit.check.${randomBytes(4).toString('hex')}`;
      const seen: number[] = [];
      let start = 0;
      const service = await daemon.serve(target, async (_method, _args, _context, { expectsReply }) => {
        assert.equal(expectsReply, false);
        seen.push(performance.now() - start);
      });
      const casts: HeldCast[] = [2_000, 1_000, 9_000].map((afterMs) => ({ message: message(target, 'm'), afterMs }));
      const holder = createRpcClient({ url });
      start = performance.now();
      await holder.hold(queue, casts);
      note(`armed in ${(performance.now() - start).toFixed(1)} ms`);
      start = performance.now();
      assert.equal(await client.held(queue), 3);
      await holder.close();
      await sleep(2_500);
      note(`sent after ${seen.map((ms) => ms.toFixed(0)).join(' and ')} ms`);
      assert.equal(seen.length, 2);
      assert.ok((seen[0] ?? 0) >= 900 && (seen[0] ?? 0) < 1_400 && (seen[1] ?? 0) >= 1_900 && (seen[1] ?? 0) < 2_400);
      assert.equal(await client.release(queue), 1);
      assert.equal(await client.held(queue), undefined);
      assert.equal(await client.release(queue), 0);
      await service.close({ deleteQueues: true });
    },
  },
  {
    name: 'a wrong password and a wrong virtual host are RPC_AUTH at once',
    async run({ url }) {
      for (const wrong of [url.replace(/:[^:@/]+@/, ':hunter2@'), `${url.replace(/(\/\/[^/]+).*/, '$1')}/no-such-vhost`]) {
        const client = createRpcClient({ url: wrong });
        await assert.rejects(client.ready(), (error: RpcError) => failsWith('RPC_AUTH')(error) && !error.message.includes('hunter2'));
        await client.close();
      }
    },
  },
];

/** Runs one check on two connections of its own. */
export async function runBrokerCheck(check: BrokerCheck, url: string, note: (text: string) => void = () => undefined): Promise<void> {
  const client = createRpcClient({ url, name: 'godwit check' });
  const daemon = createRpcClient({ url, name: 'godwit check daemon' });
  const target: RpcTarget = { exchange: 'godwit-check', topic: `godwit-check-${randomBytes(4).toString('hex')}`, server: 'host', version: '6.0' };
  try {
    await Promise.all([client.ready(), daemon.ready()]);
    await check.run({ url, client, daemon, target, note });
  } finally {
    await Promise.all([client.close(), daemon.close()]);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const url = process.env['GODWIT_TEST_AMQP_URL'];
  if (!url) throw new Error('Set GODWIT_TEST_AMQP_URL to the transport URL of a RabbitMQ.');
  for (const check of brokerChecks) {
    const start = performance.now();
    await runBrokerCheck(check, url, (text) => process.stdout.write(`     ${text}\n`));
    process.stdout.write(`ok   ${check.name} (${Math.round(performance.now() - start)} ms)\n`);
  }
}
