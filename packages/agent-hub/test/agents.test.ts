import { createHash } from 'node:crypto';
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tls from 'node:tls';
import { createEnvelope } from '@godwit/sites';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AgentHub, keystone } from '../src/index.ts';
import { freePort, key, startProxy, startWorld, type World } from './world.ts';

let world: World;
let hub: AgentHub;
beforeAll(async () => {
  world = await startWorld();
  hub = await world.hub();
}, 60_000);
afterAll(() => world.close(), 60_000);

const sha = (text: string): string => createHash('sha256').update(text).digest('hex');
const connected = (name: string, to = hub): Promise<void> => expect.poll(async () => (await to.get(name)).controllers.length > 0 && (await to.get(name)).report !== undefined, { timeout: 40_000, interval: 50 }).toBe(true);

async function enrolled(name: string, config: object = {}, port = hub.port) {
  const node = world.node(name, config);
  expect(await node.enrol(port, await world.token(hub, name))).toMatchObject({ code: 0 });
  return node;
}

describe('enrolment', () => {
  it('gives a certificate for a key that never leaves the node, readable by its owner alone', async () => {
    const node = world.node('e1');
    const token = await world.token(hub, 'e1');
    expect(await node.enrol(hub.port, token)).toEqual({ code: 0, log: 'enrolled e1 of site s1, role keystone\n' });
    const file = join(node.stateDir, 'identity.json');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const { certificate, key: privateKey } = JSON.parse(readFileSync(file, 'utf8')) as { certificate: string; key: string };
    expect([certificate, privateKey]).toEqual([expect.stringContaining('BEGIN CERTIFICATE'), expect.stringContaining('PRIVATE KEY')]);
    expect(await hub.get('e1')).toMatchObject({ name: 'e1', site: 's1', role: 'keystone', state: 'active', connected: false });
    // Of the token only a hash is kept, and neither log has any of it.
    const rows = JSON.stringify(await world.db.selectFrom('godwit_agent_tokens').selectAll().execute());
    for (const secret of [token.split('.')[1] ?? '?', privateKey.split('\n')[1] ?? '?']) expect(rows + world.logged()).not.toContain(secret);
  });

  it('refuses a token that was used, is of another name, has expired, or was never given out', async () => {
    const token = await world.token(hub, 'e2');
    expect(await world.node('e2x').enrol(hub.port, token, 'e2x')).toMatchObject({ code: 1, log: expect.stringContaining('GW_AGENT_TOKEN_NAME') as string });
    expect(await world.node('e2').enrol(hub.port, token)).toMatchObject({ code: 0 });
    const replayed = await world.node('e2-thief').enrol(hub.port, token, 'e2');
    expect(replayed).toMatchObject({ code: 1, log: expect.stringContaining('GW_AGENT_TOKEN_USED') as string });
    expect(replayed.log).not.toContain(token.split('.')[1]);
    const late = await world.token(hub, 'e3', -1);
    expect(await world.node('e3').enrol(hub.port, late)).toMatchObject({ code: 1, log: expect.stringContaining('GW_AGENT_TOKEN_EXPIRED') as string });
    const forged = token.replace(/^gwa1\.\w{4}/, 'gwa1.AAAA');
    expect(await world.node('e4').enrol(hub.port, forged)).toMatchObject({ code: 1, log: expect.stringContaining('GW_AGENT_TOKEN_INVALID') as string });
    await expect(world.token(hub, 'e2')).rejects.toMatchObject({ code: 'GW_AGENT_EXISTS' });
  });

  it('a node whose answer was lost may come again with the same token, as it has the same key', async () => {
    const node = world.node('e5');
    const token = await world.token(hub, 'e5');
    await node.enrol(hub.port, token);
    // As if the power had failed before the certificate was stored.
    const identity = JSON.parse(readFileSync(join(node.stateDir, 'identity.json'), 'utf8')) as { key: string; certificate: string };
    writeFileSync(join(node.stateDir, 'enrolment-key.pem'), identity.key);
    expect(await node.enrol(hub.port, token)).toMatchObject({ code: 0 });
    expect((JSON.parse(readFileSync(join(node.stateDir, 'identity.json'), 'utf8')) as typeof identity).certificate).not.toBe(identity.certificate);
  });

  it('shows the token to nobody but the controller that gave it out', async () => {
    const seen: Buffer[] = [];
    await enrolled('e7');
    const { certificate, key: stolen } = JSON.parse(readFileSync(join(world.dir, 'nodes', 'e7', 'state', 'identity.json'), 'utf8')) as { certificate: string; key: string };
    // An enrolled node that plays controller.
    const impostor = tls.createServer({ cert: certificate, key: stolen, ALPNProtocols: ['godwit-agent/1'], minVersion: 'TLSv1.3' }, (s) => s.on('data', (d: Buffer) => seen.push(d)).on('error', () => undefined));
    await new Promise<void>((r) => impostor.listen(0, '127.0.0.1', r));
    const { port } = impostor.address() as { port: number };
    const token = await world.token(hub, 'e6');
    const node = world.node('e6');
    expect(await node.enrol(port, token)).toMatchObject({ code: 1, log: expect.stringContaining('GW_AGENT_WRONG_CONTROLLER') as string });
    expect(seen).toEqual([]);
    impostor.close();
  });
});

describe('an agent', () => {
  it('reports, applies key sets, and never shows a key', { timeout: 30_000 }, async () => {
    const node = await enrolled('a1');
    const agent = node.run();
    await connected('a1');
    expect((await hub.get('a1')).report?.keystone).toMatchObject({ ready: { ok: false }, repositories: [{ kind: 'fernet', generation: 0, keys: [] }, { kind: 'credential' }] });
    const [staged, primary] = [key(), key()];
    const applied = await hub.call('a1', keystone.applyKeys, { kind: 'fernet', generation: 1, keys: { 0: staged, 1: primary } });
    expect(applied).toEqual({ kind: 'fernet', path: node.fernet, generation: 1, keys: [{ index: '0', sha256: sha(staged) }, { index: '1', sha256: sha(primary) }], problems: [] });
    expect(node.keys()).toEqual({ 0: staged, 1: primary });
    expect(statSync(join(node.fernet, '1')).mode & 0o777).toBe(0o600);
    await hub.call('a1', keystone.applyKeys, { kind: 'credential', generation: 1, keys: { 0: key(), 1: key() } });
    expect((await hub.call('a1', keystone.report, {})).ready).toEqual({ ok: true, reasons: [] });

    const bad = await hub.call('a1', keystone.applyKeys, { kind: 'fernet', generation: 2, keys: { 0: `${primary}oops` } }).catch((e: unknown) => e);
    expect(bad).toMatchObject({ code: 'GW_AGENT_COMMAND', site: 's1', resource: 'agent a1' });
    await expect(hub.call('a1', keystone.applyKeys, { kind: 'fernet', generation: 2, keys: { 0: staged } })).rejects.toMatchObject({ code: 'GW_AGENT_KEY_NEEDED', kind: 'terminal' });
    await expect(hub.call('a1', keystone.readKeys, { kind: 'fernet' })).rejects.toMatchObject({ code: 'GW_AGENT_HAND_OVER' });
    for (const secret of [staged, primary]) expect(agent.log() + world.logged() + JSON.stringify(bad, Object.getOwnPropertyNames(bad))).not.toContain(secret.slice(0, 20));

    // Edited by hand: told at once, without being asked.
    writeFileSync(join(node.fernet, '1'), key());
    await expect.poll(async () => (await hub.get('a1')).report?.keystone?.ready.reasons.map((r) => r.code), { timeout: 10_000 }).toEqual(['GW_AGENT_REPO_EDITED']);
    const held = await hub.call('a1', keystone.hold, { reason: 'left out of rotation 7' });
    expect(held.ready.reasons[0]).toEqual({ code: 'GW_AGENT_HELD', message: 'left out of rotation 7' });
    agent.process.kill('SIGTERM');
    expect(await agent.ended).toBe(0);
    await expect.poll(async () => (await hub.get('a1')).connected).toBe(false);
    await expect(hub.call('a1', keystone.report, {})).rejects.toMatchObject({ code: 'GW_AGENT_AWAY', kind: 'waiting' });
  });

  it('killed at any time in an order goes on with it when it starts again, without its controller', { timeout: 60_000 }, async () => {
    const node = await enrolled('a2', {});
    const config = JSON.parse(readFileSync(node.config, 'utf8')) as { keystone: object };
    // Slow, so that the kill comes in between.
    writeFileSync(node.config, JSON.stringify({ ...config, keystone: { ...config.keystone, settleSeconds: 0.4 } }));
    let agent = node.run();
    await connected('a2');
    let keys: Record<string, string> = { 0: key(), 1: key() };
    await hub.call('a2', keystone.applyKeys, { kind: 'fernet', generation: 1, keys });
    for (const [generation, killAfterMs] of [[2, 3], [3, 60], [4, 200], [5, 410], [6, 600]] as const) {
      const next = { 0: key(), [generation - 1]: keys[String(generation - 1)] ?? '', [generation]: keys['0'] ?? '' };
      const drop = Object.entries(keys).filter(([, k]) => !Object.values(next).includes(k)).map(([, k]) => sha(k));
      const call = hub.call('a2', keystone.applyKeys, { kind: 'fernet', generation, keys: next, drop });
      const outcome = call.then(() => 'done', (e: { code: string }) => e.code);
      await new Promise((r) => setTimeout(r, killAfterMs));
      agent.process.kill('SIGKILL');
      await agent.ended;
      // What is needed is there, in a file that is whole.
      const there = Object.values(node.keys());
      for (const k of [keys['0'], keys[String(generation - 1)]]) expect(there).toContain(k);
      expect(await outcome).toMatch(/^(done|GW_AGENT_AWAY)$/);
      agent = node.run();
      await connected('a2');
      expect(await hub.call('a2', keystone.applyKeys, { kind: 'fernet', generation, keys: next, drop })).toMatchObject({ generation, problems: [] });
      expect(node.keys()).toEqual(next);
      keys = next;
    }
    agent.process.kill('SIGKILL');
  });

  it('answers GET /ready for a load balancer', { timeout: 60_000 }, async () => {
    const port = await freePort();
    const node = await enrolled('a3', { ready: { listen: `127.0.0.1:${port}` } });
    const agent = node.run();
    await connected('a3');
    const ready = async (): Promise<[number, string[]]> => {
      const answer = await fetch(`http://127.0.0.1:${port}/ready`);
      return [answer.status, ((await answer.json()) as { reasons: { code: string }[] }).reasons.map((r) => r.code)];
    };
    await expect.poll(ready).toEqual([503, ['GW_AGENT_REPO_UNORDERED', 'GW_AGENT_REPO_UNORDERED']]);
    for (const kind of ['fernet', 'credential'] as const) await hub.call('a3', keystone.applyKeys, { kind, generation: 1, keys: { 0: key(), 1: key() } });
    expect(await ready()).toEqual([200, []]);
    await hub.call('a3', keystone.hold, { reason: 'left out' });
    expect(await ready()).toEqual([503, ['GW_AGENT_HELD']]);
    agent.process.kill('SIGKILL');
    await agent.ended;
    // Held over a restart.
    node.run();
    await connected('a3');
    expect(await ready()).toEqual([503, ['GW_AGENT_HELD']]);
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(404);
  });
});

describe('the connection', () => {
  it('is taken up again when it broke and when it went silent', { timeout: 60_000 }, async () => {
    let port = hub.port;
    const proxy = await startProxy(() => port);
    const node = await enrolled('b1', {}, proxy.port);
    node.run();
    await connected('b1');
    const before = (await hub.get('b1')).lastSeen;
    proxy.drop();
    await expect.poll(async () => ((await hub.get('b1')).lastSeen?.getTime() ?? 0) > (before?.getTime() ?? 0) + 500 && (await hub.get('b1')).connected, { timeout: 15_000 }).toBe(true);

    // A call that is under way when the wire is cut ends as one that must wait; asked again, it is done.
    proxy.setCut(true);
    const lost = hub.call('b1', keystone.report, {}, AbortSignal.timeout(1_000)).catch((e: Error) => e.name);
    expect(await lost).toBe('TimeoutError');
    proxy.drop();
    await expect.poll(async () => (await hub.get('b1')).connected).toBe(false);
    proxy.setCut(false);
    await connected('b1');
    await expect.poll(() => hub.call('b1', keystone.report, {}).then((r) => r.repositories.length, () => 0), { timeout: 15_000 }).toBe(2);
    port = 0;
    proxy.close();
  });

  it('is missed by nobody who is served: with its controller away a node stays ready, and comes back when that does', { timeout: 60_000 }, async () => {
    const first = await world.hub({ controller: 'c-away' });
    const ready = await freePort();
    const node = world.node('b4', { ready: { listen: `127.0.0.1:${ready}` } });
    expect(await node.enrol(first.port, await world.token(first, 'b4'))).toMatchObject({ code: 0 });
    node.run();
    await connected('b4', first);
    for (const kind of ['fernet', 'credential'] as const) await first.call('b4', keystone.applyKeys, { kind, generation: 1, keys: { 0: key(), 1: key() } });
    const { port } = first;
    await first.close();
    expect((await fetch(`http://127.0.0.1:${ready}/ready`)).status).toBe(200);
    const second = await world.hub({ controller: 'c-away', listen: { host: '127.0.0.1', port } });
    await connected('b4', second);
    expect((await second.call('b4', keystone.report, {})).repositories.map((r) => r.generation)).toEqual([1, 1]);
  });

  it('is refused to a certificate of another CA, to one that was revoked, and to none; a renewal asks nobody', { timeout: 60_000 }, async () => {
    const node = await enrolled('b2');
    const agent = node.run();
    await connected('b2');
    expect(await hub.revoke('b2')).toMatchObject({ state: 'revoked', connected: false });
    await expect(hub.call('b2', keystone.report, {})).rejects.toMatchObject({ code: 'GW_AGENT_REVOKED', kind: 'terminal' });
    await expect.poll(() => agent.log(), { timeout: 10_000 }).toContain('GW_AGENT_REVOKED');
    await hub.remove('b2');
    await expect(hub.get('b2')).rejects.toMatchObject({ code: 'GW_AGENT_UNKNOWN' });
    agent.process.kill('SIGKILL');
    await agent.ended;
    const again = node.run();
    await expect.poll(() => again.log(), { timeout: 10_000 }).toContain('GW_AGENT_CERTIFICATE');
    // The node may be enrolled anew, under the same name.
    again.process.kill('SIGKILL');
    expect(await node.enrol(hub.port, await world.token(hub, 'b2'))).toMatchObject({ code: 0 });
    node.run();
    await connected('b2');
  });

  it('to a controller of another database is refused by the agent', { timeout: 60_000 }, async () => {
    const node = await enrolled('b3');
    const other = await startWorld();
    try {
      const stranger = await other.hub();
      const file = join(node.stateDir, 'identity.json');
      const identity = JSON.parse(readFileSync(file, 'utf8')) as { controllers: string[] };
      writeFileSync(file, JSON.stringify({ ...identity, controllers: [`127.0.0.1:${stranger.port}`] }));
      const agent = node.run();
      await expect.poll(() => agent.log(), { timeout: 10_000 }).toContain('GW_AGENT_WRONG_CONTROLLER');
      agent.process.kill('SIGKILL');
    } finally {
      await other.close();
    }
  });
});

describe('certificates', () => {
  it('are renewed by the agent itself, with a new key; the old one ends when the new one is used', { timeout: 60_000 }, async () => {
    const brief = await world.hub({ controller: 'c-brief', certificateLifeMs: 3_000 });
    const node = world.node('c1');
    await node.enrol(brief.port, await world.token(brief, 'c1'));
    const file = join(node.stateDir, 'identity.json');
    const first = readFileSync(file, 'utf8');
    const agent = node.run();
    await connected('c1', brief);
    // The hour before, for clocks that are behind, counts for the agent's two thirds: it is due at once.
    await expect.poll(() => agent.log(), { timeout: 15_000 }).toContain('certificate renewed');
    const renewed = readFileSync(file, 'utf8');
    const keyOf = (text: string): string => (JSON.parse(text) as { key: string }).key;
    expect(keyOf(renewed)).not.toBe(keyOf(first));
    expect(statSync(file).mode & 0o777).toBe(0o600);
    agent.process.kill('SIGKILL');
    await agent.ended;
    const second = node.run();
    await connected('c1', brief);
    second.process.kill('SIGKILL');
    await second.ended;
    // A copy of the first certificate is worth nothing now.
    writeFileSync(file, first);
    const copy = node.run();
    await expect.poll(() => copy.log(), { timeout: 10_000 }).toContain('GW_AGENT_CERTIFICATE');
    copy.process.kill('SIGKILL');
  });

  it('that have expired while a node was away may be renewed and nothing else; too long ago, not even that', { timeout: 60_000 }, async () => {
    let now = Date.now();
    const clock = await world.hub({ controller: 'c-clock', now: () => new Date(now) });
    const node = world.node('c2');
    await node.enrol(clock.port, await world.token(clock, 'c2'));
    now += 30 * 86_400_000;
    const agent = node.run();
    await expect.poll(() => world.logged(), { timeout: 10_000 }).toMatch(/"agent":"c2".*"expired":true/);
    await expect(clock.call('c2', keystone.report, {})).rejects.toMatchObject({ code: 'GW_AGENT_AWAY' });
    await expect.poll(async () => (await clock.get('c2')).certificateExpiresAt.getTime() > now && clock.call('c2', keystone.report, {}).then(() => true, () => false), { timeout: 20_000 }).toBe(true);
    agent.process.kill('SIGKILL');
    await agent.ended;
    now += 120 * 86_400_000;
    const late = node.run();
    await expect.poll(() => late.log(), { timeout: 10_000 }).toContain('GW_AGENT_CERTIFICATE_EXPIRED');
    late.process.kill('SIGKILL');
  });
});

describe('the key of the CA', () => {
  it('lies sealed in the database, and is sealed anew when the master key has changed', { timeout: 30_000 }, async () => {
    const row = (): Promise<{ certificate: string; sealed_key: string }> => world.db.selectFrom('godwit_agent_ca').selectAll().executeTakeFirstOrThrow();
    const before = await row();
    expect(before.sealed_key).toMatch(/^gws1\.test\./);
    // The old master key below a new one.
    const made = new Map<string, Buffer>();
    const fresh = createEnvelope([
      { id: 'fresh', wrap: (k) => Promise.resolve((made.set('1', Buffer.from(k)), '1')), unwrap: (n) => Promise.resolve(made.get(n) ?? Buffer.alloc(32)) },
      world.wrapper,
    ]);
    const rotated = await world.hub({ controller: 'c-rotated', envelope: fresh });
    expect(await row()).toMatchObject({ certificate: before.certificate, sealed_key: expect.stringMatching(/^gws1\.fresh\./) as string });
    const node = world.node('k1');
    expect(await node.enrol(rotated.port, await world.token(rotated, 'k1'))).toMatchObject({ code: 0 });
    // Put back for the other tests, whose hubs know the old key only.
    await world.db.updateTable('godwit_agent_ca').set({ sealed_key: before.sealed_key }).execute();
    const wrong = createEnvelope([{ ...world.wrapper, id: 'lost' }]);
    await expect(world.hub({ controller: 'c-lost', envelope: wrong })).rejects.toMatchObject({ code: expect.stringMatching(/^GW_SECRETS_/) as string });
  });
});

describe('several controllers on one database', () => {
  it('agents connect to all that are told, and a call is made where one is; a revocation holds everywhere', { timeout: 60_000 }, async () => {
    const c2 = await world.hub({ controller: 'c2', advertise: '127.0.0.1:1' });
    // Its port is known before it listens.
    const proxy = await startProxy(() => c3.port);
    const c3 = await world.hub({ controller: 'c3', advertise: `127.0.0.1:${proxy.port}` });
    const node = await enrolled('d1', {}, c2.port);
    const agent = node.run();
    await expect.poll(async () => (await c2.get('d1')).controllers.filter((c) => ['c2', 'c3'].includes(c)).sort(), { timeout: 15_000 }).toEqual(['c2', 'c3']);
    expect((await c3.call('d1', keystone.report, {})).repositories).toHaveLength(2);
    expect((await c2.call('d1', keystone.report, {})).repositories).toHaveLength(2);
    // hub is a third one, which the agent was not told of.
    await expect(hub.call('d1', keystone.report, {})).rejects.toMatchObject({ code: 'GW_AGENT_AWAY', message: expect.stringMatching(/connected to .*c[23]/) as string });
    await expect.poll(async () => (await hub.get('d1')).report?.keystone?.repositories.length, { timeout: 10_000 }).toBe(2);
    await hub.revoke('d1');
    await expect.poll(async () => (await hub.get('d1')).controllers, { timeout: 5_000 }).toEqual([]);
    expect(agent.log()).toContain('GW_AGENT_REVOKED');
    proxy.close();
  });
});

describe('a rogue', () => {
  beforeAll(async () => {
    await enrolled('rogue');
    (await enrolled('honest')).run();
  }, 30_000);

  const raw = async (node: string): Promise<{ socket: tls.TLSSocket; ended: Promise<string> }> => {
    const { ca, certificate, key: own } = JSON.parse(readFileSync(join(world.dir, 'nodes', node, 'state', 'identity.json'), 'utf8')) as Record<'ca' | 'certificate' | 'key', string>;
    const socket = tls.connect({ host: '127.0.0.1', port: hub.port, servername: 'controller.godwit.internal', ca, cert: certificate, key: own, ALPNProtocols: ['godwit-agent/1'] });
    let text = '';
    socket.on('data', (d: Buffer) => (text += d.toString())).on('error', () => undefined);
    const ended = new Promise<string>((r) => socket.on('close', () => r(text)));
    await new Promise((r) => socket.once('secureConnect', r));
    return { socket, ended };
  };
  const hello = '{"t":"hello","v":1,"agentVersion":"x","clock":"2026-01-01T00:00:00.000Z"}\n';

  it.each([
    ['a message without an end', 'x'.repeat(300_000)],
    ['no JSON', 'nonsense\n'],
    ['a message out of turn', `${hello}${hello}`],
    ['a result before it says who it is', '{"t":"result","id":1,"value":1}\n'],
    ['a message of another shape', '{"t":"hello","v":2}\n'],
  ])('%s is cut off', async (_what, bytes) => {
    const { socket, ended } = await raw('rogue');
    socket.write(bytes);
    expect(await ended).toContain('GW_AGENT_PROTOCOL');
  });

  it('a flood of messages is cut off, and others are served meanwhile', { timeout: 30_000 }, async () => {
    await connected('honest');
    const { socket, ended } = await raw('rogue');
    socket.write(hello);
    await new Promise((r) => socket.once('data', r));
    socket.write('{"t":"ping"}\n'.repeat(5_000));
    expect(await ended).toContain('too many messages');
    expect((await hub.call('honest', keystone.report, {})).repositories).toHaveLength(2);
  });
});

describe('a node', () => {
  it('whose disk refuses to be written keeps the old set, and says so', { timeout: 30_000 }, async () => {
    const node = await enrolled('f1');
    node.run();
    await connected('f1');
    const keys = { 0: key(), 1: key() };
    await hub.call('f1', keystone.applyKeys, { kind: 'fernet', generation: 1, keys });
    chmodSync(node.fernet, 0o755);
    await expect.poll(async () => (await hub.get('f1')).report?.keystone?.repositories[0]?.problems.map((p) => p.code), { timeout: 10_000 }).toEqual(['GW_AGENT_REPO_OWNER']);
  });
});
