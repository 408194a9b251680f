import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RpcError } from './errors.ts';
import { remoteFailure } from './failure.ts';
import { compute, createRig, message, type Rig } from './testing/fixtures.ts';
import { settle } from './testing/manual-clock.ts';
import type { ServeHandler } from './types.ts';

let rig: Rig;
beforeEach(async () => {
  rig = createRig();
  await Promise.all([rig.client.ready(), rig.daemon.ready()]);
});
afterEach(() => rig.close());

const code = (expected: string, more: object = {}): unknown => expect.objectContaining({ code: expected, ...more });
const never: ServeHandler = () => new Promise(() => undefined);
/** A handler that answers when told to. */
const gate = (): { handler: ServeHandler; answer: (value: unknown) => void; called: () => number } => {
  let answer: (value: unknown) => void = () => undefined;
  let called = 0;
  const waiting = new Promise((resolve) => {
    answer = resolve;
  });
  return { handler: () => ((called += 1), waiting), answer: (value) => answer(value), called: () => called };
};

describe('call', () => {
  it('gives the server\'s result', async () => {
    await rig.daemon.serve(compute, async (method, args, context) => [method, args['instance'] !== undefined, context['is_admin']]);
    const call = rig.client.call(message('quiesce_instance'), { timeoutMs: 1000 });
    expect(await call.result).toEqual(['quiesce_instance', true, true]);
    expect(await call.settled).toBe('replied');
  });

  it('gives null for a method that returns nothing', async () => {
    await rig.daemon.serve(compute, async () => undefined);
    expect(await rig.client.call(message('unquiesce_instance'), { timeoutMs: 1000 }).result).toBeNull();
  });

  it('expires in the queue when its caller has given up: a returning server must not execute it', async () => {
    const gone = await rig.daemon.serve(compute, never);
    await gone.close();
    const call = rig.client.call(message('quiesce_instance'), { timeoutMs: 1000 });
    await rig.clock.advance(999);
    expect(rig.broker.queues().find(({ queue }) => queue === 'compute.host1')?.messages).toBe(1);
    await rig.clock.advance(1);
    await expect(call.result).rejects.toEqual(code('RPC_TIMEOUT', { delivered: 'yes', kind: 'retryable' }));
    const after = gate();
    await rig.daemon.serve(compute, after.handler);
    await rig.clock.advance(1);
    expect(after.called()).toBe(0);
  });

  it('gives a remote error as the server raised it', async () => {
    await rig.daemon.serve(compute, async () => {
      throw remoteFailure({ class: 'InstanceNotFound', module: 'nova.exception', message: 'Instance u1 could not be found.' });
    });
    const call = rig.client.call(message('quiesce_instance'), { timeoutMs: 1000 });
    await expect(call.result).rejects.toEqual(code('RPC_REMOTE', { remote: expect.objectContaining({ class: 'InstanceNotFound' }) }));
    expect(await call.settled).toBe('replied');
  });

  it('of a version that the server lacks is RPC_UNSUPPORTED_VERSION', async () => {
    await rig.daemon.serve({ ...compute, version: '6.4' }, async () => 'ok');
    const call = (version: string): Promise<unknown> => rig.client.call(message('m', { target: { ...compute, version } }), { timeoutMs: 1000 }).result;
    expect(await call('6.4')).toBe('ok');
    await expect(call('6.5')).rejects.toEqual(code('RPC_UNSUPPORTED_VERSION'));
    await expect(call('5.0')).rejects.toEqual(code('RPC_UNSUPPORTED_VERSION'));
  });

  it('where nobody listens is RPC_NO_ROUTE at once, and certain not to be executed', async () => {
    await rig.daemon.serve(compute, never);
    const call = rig.client.call(message('m', { target: { ...compute, server: 'other' } }), { timeoutMs: 60_000 });
    await expect(call.result).rejects.toEqual(code('RPC_NO_ROUTE', { delivered: 'no', kind: 'retryable' }));
    expect(await call.settled).toBe('lost');
  });

  it('to an exchange that is missing is RPC_NO_ROUTE, and the client lives on', async () => {
    await expect(rig.client.call(message('m'), { timeoutMs: 60_000 }).result).rejects.toEqual(code('RPC_NO_ROUTE'));
    await rig.daemon.serve(compute, async () => 'back');
    expect(await rig.client.call(message('m'), { timeoutMs: 1000 }).result).toBe('back');
  });

  it('tells a late reply after its time-out', async () => {
    const slow = gate();
    await rig.daemon.serve(compute, slow.handler);
    const call = rig.client.call(message('quiesce_instance'), { timeoutMs: 1000 });
    let settled: string | undefined;
    void call.settled.then((how) => {
      settled = how;
    });
    await rig.clock.advance(1000);
    await expect(call.result).rejects.toEqual(code('RPC_TIMEOUT'));
    await rig.clock.advance(60_000);
    expect(settled).toBeUndefined();
    slow.answer('late');
    await settle();
    expect(settled).toBe('replied');
  });

  it('ends at its caller\'s signal; a late reply is told still', async () => {
    const slow = gate();
    await rig.daemon.serve(compute, slow.handler);
    const stop = new AbortController();
    const call = rig.client.call(message('m'), { timeoutMs: 1000, signal: stop.signal });
    await settle();
    stop.abort();
    await expect(call.result).rejects.toEqual(code('RPC_ABORTED', { delivered: 'yes' }));
    slow.answer(1);
    expect(await call.settled).toBe('replied');
  });

  it('with a signal already aborted sends nothing', async () => {
    await rig.daemon.serve(compute, never);
    const before = rig.broker.published.length;
    const call = rig.client.call(message('m'), { timeoutMs: 1000, signal: AbortSignal.abort() });
    await expect(call.result).rejects.toEqual(code('RPC_ABORTED', { delivered: 'no' }));
    expect(await call.settled).toBe('lost');
    await settle();
    expect(rig.broker.published.length).toBe(before);
  });

  it('given up before there was a connection is not sent when there is one', async () => {
    rig.broker.stop();
    const client = rig.connect();
    const stop = new AbortController();
    const call = client.call(message('quiesce_instance'), { timeoutMs: 60_000, signal: stop.signal });
    await settle();
    stop.abort();
    await expect(call.result).rejects.toEqual(code('RPC_ABORTED', { delivered: 'no' }));
    rig.broker.start();
    await rig.clock.advance(10_000);
    await client.ready();
    expect(rig.broker.published).toEqual([]);
  });

  it('refuses an unsafe object version before anything is sent', async () => {
    await rig.daemon.serve(compute, async () => 'poisoned');
    const before = rig.broker.published.length;
    const args = { deep: [{ 'nova_object.name': 'Instance', 'nova_object.namespace': 'nova', 'nova_object.version': '2.9', 'nova_object.data': {} }] };
    const unsafe = code('RPC_UNSAFE_OBJECT_VERSION', { delivered: 'no' });
    await expect(rig.client.call(message('m', { args }), { timeoutMs: 1000 }).result).rejects.toEqual(unsafe);
    await expect(rig.client.cast(message('m', { args }))).rejects.toEqual(unsafe);
    await expect(rig.client.fanout(message('m', { args }))).rejects.toEqual(unsafe);
    await expect(rig.client.hold('godwit.q', [{ message: message('m', { args }), afterMs: 1 }])).rejects.toEqual(unsafe);
    expect(rig.broker.published.length).toBe(before);
  });

  it('takes an answer and its end in two messages, as old servers send them', async () => {
    const served = await rig.daemon.serve(compute, never);
    const call = rig.client.call(message('m'), { timeoutMs: 1000 });
    await settle();
    const replyQueue = rig.broker.queues().find(({ queue, consumers }) => queue.startsWith('godwit.reply.') && consumers > 0)?.queue ?? '';
    const send = (inner: object): unknown => rig.broker.publish({
      exchange: '', routingKey: replyQueue, messageId: 'x', persistent: false, mandatory: false,
      body: Buffer.from(JSON.stringify({ 'oslo.version': '2.0', 'oslo.message': JSON.stringify({ _msg_id: call.messageId, ...inner }) })),
    });
    send({ result: 42, failure: null, ending: false });
    send({ result: null, failure: null, ending: true });
    expect(await call.result).toBe(42);
    await served.close();
  });
});

describe('heart-beats', () => {
  it('keep a call alive beyond its time-out', async () => {
    const slow = gate();
    await rig.daemon.serve(compute, slow.handler);
    const call = rig.client.call(message('m'), { timeoutMs: 10_000, heartbeatSeconds: 6 });
    await rig.clock.advance(60_000);
    slow.answer('done');
    expect(await call.result).toBe('done');
  });

  it('that stop for two beats are a time-out', async () => {
    await rig.daemon.serve(compute, never);
    const call = rig.client.call(message('m'), { timeoutMs: 60_000, heartbeatSeconds: 6 });
    let error: unknown;
    call.result.catch((caught: unknown) => {
      error = caught;
    });
    await rig.clock.advance(9_500);
    await rig.daemon.close();
    await rig.clock.advance(5_400);
    expect(error).toBeUndefined();
    await rig.clock.advance(200);
    expect(error).toEqual(code('RPC_TIMEOUT'));
  });
});

describe('a lost connection', () => {
  it('rejects the calls under way at once, and tells that no reply can come', async () => {
    await rig.daemon.serve(compute, never);
    const call = rig.client.call(message('m'), { timeoutMs: 60_000 });
    await settle();
    rig.broker.sever();
    await expect(call.result).rejects.toEqual(code('RPC_DISCONNECTED', { kind: 'retryable', delivered: 'yes' }));
    expect(await call.settled).toBe('lost');
  });

  it('tells `lost` for a call that had timed out before', async () => {
    await rig.daemon.serve(compute, never);
    const call = rig.client.call(message('m'), { timeoutMs: 1000 });
    await rig.clock.advance(1000);
    rig.broker.sever();
    expect(await call.settled).toBe('lost');
  });

  it('is followed by a new one with a reply queue of another name, and served topics come back', async () => {
    await rig.daemon.serve(compute, async () => 'again');
    const replies = (): string[] => rig.broker.queues().map(({ queue }) => queue).filter((name) => name.startsWith('godwit.reply.'));
    const before = replies();
    rig.broker.stop();
    await settle();
    expect(rig.client.connected).toBe(false);
    rig.broker.start();
    await rig.clock.advance(20_000);
    expect(rig.client.connected).toBe(true);
    expect(replies()).toHaveLength(2);
    expect(replies().some((name) => before.includes(name))).toBe(false);
    expect(await rig.client.call(message('m'), { timeoutMs: 1000 }).result).toBe('again');
  });

  it('is taken to be lost when the broker deletes the reply queue', async () => {
    await rig.daemon.serve(compute, never);
    const call = rig.client.call(message('m'), { timeoutMs: 60_000 });
    await settle();
    for (const { queue } of rig.broker.queues()) if (queue.startsWith('godwit.reply.')) rig.broker.deleteQueue(queue);
    await expect(call.result).rejects.toEqual(code('RPC_DISCONNECTED'));
    expect(await call.settled).toBe('lost');
    await rig.clock.advance(1000);
    expect(rig.client.connected).toBe(true);
  });

  it('that does not confirm is ended, so that nothing is delivered when it heals', async () => {
    const served = gate();
    await rig.daemon.serve(compute, served.handler);
    rig.broker.cut = true;
    const call = rig.client.call(message('quiesce_instance'), { timeoutMs: 5_000 });
    await rig.clock.advance(5_000);
    await expect(call.result).rejects.toEqual(code('RPC_TIMEOUT', { delivered: 'maybe' }));
    await rig.clock.advance(5_000);
    expect(await call.settled).toBe('lost');
    rig.broker.cut = false;
    await rig.clock.advance(20_000);
    expect(rig.client.connected).toBe(true);
    expect(served.called()).toBe(0);
  });

  it('fails over to the next host', async () => {
    const tried: string[] = [];
    const client = rig.connect({
      url: 'rabbit://u:p@dead,alive/',
      transport: {
        connect: (options) => {
          tried.push(options.host);
          return options.host === 'dead' ? Promise.reject(new RpcError('RPC_UNREACHABLE', 'no')) : rig.broker.transport.connect(options);
        },
      },
    });
    await client.ready();
    expect(tried).toEqual(['dead', 'alive']);
  });
});

describe('ready', () => {
  it('rejects with RPC_UNREACHABLE when its time is over, and the client connects later by itself', async () => {
    rig.broker.stop();
    const client = rig.connect();
    const ready = client.ready(3_000);
    ready.catch(() => undefined);
    await rig.clock.advance(3_000);
    await expect(ready).rejects.toEqual(code('RPC_UNREACHABLE', { kind: 'retryable' }));
    const call = client.call(message('m'), { timeoutMs: 2_000 });
    await rig.clock.advance(2_000);
    await expect(call.result).rejects.toEqual(code('RPC_UNREACHABLE', { delivered: 'no' }));
    expect(await call.settled).toBe('lost');
    rig.broker.start();
    await rig.clock.advance(10_000);
    await client.ready();
  });

  it('rejects a wrong password at once, without telling it', async () => {
    const guarded = createRig({ credentials: { username: 'guest', password: 'right' } });
    const client = guarded.connect({ url: 'rabbit://guest:hunter2@memory/' });
    const error = (await client.ready(60_000).catch((caught: unknown) => caught)) as RpcError;
    expect(error).toEqual(code('RPC_AUTH', { kind: 'terminal' }));
    expect(`${error.message}${error.stack}${JSON.stringify(error)}`).not.toContain('hunter2');
    await guarded.close();
  });
});

describe('cast and fan-out', () => {
  it('a cast has no message id, and resolves when it is in the queue', async () => {
    const seen: unknown[] = [];
    await rig.daemon.serve(compute, async (method, _args, _context, info) => seen.push([method, info.expectsReply, info.fanout]));
    await rig.client.cast(message('unquiesce_instance'));
    await settle();
    expect(seen).toEqual([['unquiesce_instance', false, false]]);
  });

  it('a fan-out reaches every server of the topic', async () => {
    const seen: string[] = [];
    const other = rig.connect();
    for (const [client, server] of [[rig.daemon, 'host1'], [other, 'host2']] as const)
      await client.serve({ ...compute, server }, async (_m, _a, _c, info) => seen.push(`${server} ${info.fanout}`));
    await rig.client.fanout(message('refresh'));
    await settle();
    expect(seen.sort()).toEqual(['host1 true', 'host2 true']);
  });

  it.each(['cast', 'fanout'] as const)('a %s where nobody listens is RPC_NO_ROUTE', async (how) => {
    await expect(rig.client[how](message('m'))).rejects.toEqual(code('RPC_NO_ROUTE'));
  });

  it('a message delivered twice is executed once', async () => {
    let count = 0;
    await rig.daemon.serve(compute, async () => (count += 1));
    await rig.client.cast(message('m'));
    const sent = rig.broker.published.find(({ exchange }) => exchange === 'nova');
    if (sent) rig.broker.publish(sent);
    await settle();
    expect(count).toBe(1);
  });
});

describe('close', () => {
  it('rejects what is under way, and everything after', async () => {
    await rig.daemon.serve(compute, never);
    const call = rig.client.call(message('m'), { timeoutMs: 60_000 });
    await settle();
    await rig.client.close();
    await expect(call.result).rejects.toEqual(code('RPC_CLOSED'));
    expect(await call.settled).toBe('lost');
    await expect(rig.client.cast(message('m'))).rejects.toEqual(code('RPC_CLOSED'));
    await expect(rig.client.ready()).rejects.toEqual(code('RPC_CLOSED'));
  });

  it('of a client that never connected ends its attempts', async () => {
    rig.broker.stop();
    const client = rig.connect();
    await settle();
    await client.close();
    await expect(client.ready()).rejects.toEqual(code('RPC_CLOSED'));
  });
});
