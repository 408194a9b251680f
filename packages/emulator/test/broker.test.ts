import { createRpcClient, type RpcClient, type RpcMessage, remoteFailure } from '@godwit/oslo-messaging';
import { afterEach, describe, expect, it } from 'vitest';
import type { Emulator } from '../src/index.ts';
import { emulate } from './harness.ts';

const clients: RpcClient[] = [];
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
});

/** As the controller does it: AMQP over a socket, by the URL of the site's rpc file. */
function client(emulator: Emulator, site = 'site1', url = emulator.rpcUrl(site)): RpcClient {
  const made = createRpcClient({ url, connectTimeoutMs: 1_000, confirmTimeoutMs: 1_000 });
  clients.push(made);
  return made;
}

const to = (method: string, server = 'c1'): RpcMessage => ({
  target: { exchange: 'nova', topic: 'test', server, version: '1.0' },
  method,
  args: {},
  context: { isAdmin: true, userId: 'u', projectId: 'p', roles: ['admin'] },
});

/** A daemon at each site that notes what it is told. */
async function withDaemon(): Promise<{ emulator: Emulator; heard: string[] }> {
  const emulator = await emulate();
  const heard: string[] = [];
  for (const name of ['site1', 'site2'])
    emulator.site(name).serve({ exchange: 'nova', topic: 'test', server: 'c1', version: '1.0' }, (method) => {
      heard.push(`${name} ${method}`);
      if (method === 'fail') throw remoteFailure({ class: 'InstanceNotFound', message: 'no' });
      return Promise.resolve('x'.repeat(method === 'big' ? 300_000 : 1));
    });
  return { emulator, heard };
}
const soon = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

describe('the sites’ brokers, over AMQP', () => {
  it('carry calls, casts and answers of any size to the site that the virtual host names', async () => {
    const { emulator, heard } = await withDaemon();
    const rpc = client(emulator, 'site2');
    expect(await rpc.call(to('hello'), { timeoutMs: 2_000 }).result).toBe('x');
    expect(await rpc.call(to('big'), { timeoutMs: 2_000 }).result).toHaveLength(300_000);
    await expect(rpc.call(to('fail'), { timeoutMs: 2_000 }).result).rejects.toMatchObject({ code: 'RPC_REMOTE', remote: { class: 'InstanceNotFound' } });
    await rpc.cast(to('cast'));
    await expect.poll(() => heard).toEqual(['site2 hello', 'site2 big', 'site2 fail', 'site2 cast']);
    await expect(rpc.cast(to('cast', 'nowhere'))).rejects.toMatchObject({ code: 'RPC_NO_ROUTE', delivered: 'no' });
    await expect(rpc.cast({ ...to('cast'), target: { ...to('cast').target, exchange: 'cinder' } })).rejects.toMatchObject({ code: 'RPC_REFUSED' });
    // The services' own user may ask for anything: then it shows that nobody is there.
    const services = client(emulator, 'site2', emulator.rpcUrl('site2', 'openstack'));
    await expect(services.cast({ ...to('cast'), target: { ...to('cast').target, exchange: 'cinder' } })).rejects.toMatchObject({ code: 'RPC_NO_ROUTE' });
  });

  it('hold messages and send them when their time has come, whatever became of the sender', async () => {
    const { emulator, heard } = await withDaemon();
    const rpc = client(emulator);
    await rpc.hold('godwit.thaw.1', [{ message: to('first'), afterMs: 150 }, { message: to('later'), afterMs: 60_000 }]);
    expect(await rpc.held('godwit.thaw.1')).toBe(2);
    await rpc.close();
    await expect.poll(() => heard).toEqual(['site1 first']);
    expect(await client(emulator).release('godwit.thaw.1')).toBe(1);
    expect(await client(emulator).held('godwit.thaw.1')).toBeUndefined();
  });

  it('refuse a wrong password or virtual host', async () => {
    const { emulator } = await withDaemon();
    const url = emulator.rpcUrl('site1');
    await expect(client(emulator, '', url.replace(/godwit:[^@]+/, 'godwit:wrong')).ready(1_000)).rejects.toMatchObject({ code: 'RPC_AUTH' });
    await expect(client(emulator, '', url.replace(/site1$/, 'site9')).ready(1_000)).rejects.toMatchObject({ code: 'RPC_AUTH' });
  });

  it('lose and double messages on request', async () => {
    const { emulator, heard } = await withDaemon();
    const rpc = client(emulator);
    const lost = emulator.inject({ kind: 'lose-message', rpc: '^hello$', times: 1 });
    await expect(rpc.call(to('hello'), { timeoutMs: 100 }).result).rejects.toMatchObject({ code: 'RPC_TIMEOUT' });
    expect(lost.hits).toBe(1);
    emulator.inject({ kind: 'double-message', rpc: '^cast$' });
    await rpc.cast(to('cast'));
    await soon(30);
    // A doubled message has one id: oslo.messaging drops the second.
    expect(heard).toEqual(['site1 cast']);
    const doubled = emulator.inject({ kind: 'delay-message', rpc: '^late$', ms: 80 });
    await rpc.cast(to('late'));
    expect(heard).toEqual(['site1 cast']);
    await expect.poll(() => heard).toEqual(['site1 cast', 'site1 late']);
    doubled.lift();
  });

  it('of a dead site break; what they held is sent after its return', async () => {
    const { emulator, heard } = await withDaemon();
    const rpc = client(emulator);
    await rpc.hold('godwit.thaw.1', [{ message: to('thaw'), afterMs: 2_500 }]);
    const down = emulator.inject({ kind: 'site-down', site: 'site1' });
    await expect.poll(() => rpc.connected).toBe(false);
    await expect(rpc.cast(to('cast'))).rejects.toMatchObject({ code: 'RPC_UNREACHABLE' });
    down.lift();
    await expect.poll(() => rpc.connected, { timeout: 5_000 }).toBe(true);
    await expect.poll(() => heard, { timeout: 5_000 }).toEqual(['site1 thaw']);
  });

  it('behind a cut link are silent; what they hold is sent all the same', async () => {
    const { emulator, heard } = await withDaemon();
    const rpc = client(emulator);
    await rpc.hold('godwit.thaw.1', [{ message: to('thaw'), afterMs: 200 }]);
    const cut = emulator.inject({ kind: 'cut', between: ['controller', 'site1'] });
    await expect(rpc.call(to('hello'), { timeoutMs: 150 }).result).rejects.toMatchObject({ code: 'RPC_TIMEOUT' });
    await expect.poll(() => heard).toEqual(['site1 thaw']);
    const asked = fetch(`${emulator.url}/site1/identity/v3`);
    await soon(50);
    cut.lift();
    // What was on its way arrives late, as over TCP.
    expect((await asked).status).toBe(200);
    await expect.poll(() => heard).toContain('site1 hello');
  });
});
