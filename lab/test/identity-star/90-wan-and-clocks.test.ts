import { describe, expect, it } from 'vitest';
import { eventually, login, loginOf, nodeAddress, siteAddress, validate } from '../../src/harness/index.ts';
import { skewNode } from '../../src/harness/skewed.ts';
import { readyOf, useStar } from '../../src/harness/star.ts';
import { startController } from '../../src/harness/controller.ts';

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('a rotation, the WAN and the clocks', () => {
  const s = useStar();
  const sites = ['m1', 'm2', 's3', 's4'];
  const well = () => eventually('the star to be well', async () => (await s.status()).ok, { timeoutMs: 240_000, everyMs: 1_000 });
  const job = async (id: string) => (await s.cli('job', 'show', id)).json as { state: string };

  /** What every node has issued is good at every node. */
  async function everywhere(): Promise<void> {
    const nodes = s.nodes.map(nodeAddress);
    for (const from of nodes) {
      const token = await login(from, loginOf(s.lab, 's3'));
      for (const at of nodes) expect([from.name, at.name, await validate(at, token)]).toEqual([from.name, at.name, 200]);
    }
  }

  /** s3 is cut from all other sites and from the controller; only the one who looks on still reaches its Keystones. */
  async function cutOff(): Promise<() => Promise<void>> {
    for (const other of ['m1', 'm2', 's4', 'arb']) await s.lab.cut('s3', other);
    const rules = ['OUTPUT -p tcp --dport 8791', 'INPUT -p tcp --sport 8791'];
    const change = async (how: string): Promise<void> => {
      for (const rule of rules) {
        const done = await s.lab.exec('s3', ['sh', '-c', `iptables ${how} ${rule} -j DROP`]);
        if (done.code !== 0) throw new Error(done.stderr);
      }
    };
    await change('-A');
    return async () => {
      await s.lab.heal();
      await change('-D');
    };
  }

  // What has just been written down when the link breaks: the new key, its promotion, the dropping of an old one.
  for (const [stage, phase] of [['stage', 'staged'], ['promote', 'promoted'], ['prune', 'pruned']] as const) {
    it(`the WAN is cut when keys are ${phase}: the rotation is held there, says so, refuses nobody, and ends when the link is back`, async () => {
      // Without a key whose time is over there is nothing to drop, and no such stage.
      if (phase === 'pruned') await eventually('a key to be past its need', async () => (await s.status()).keys.some((k) => k.keys.some((x) => x.neededUntil !== undefined && Date.parse(x.neededUntil) < Date.now())), { timeoutMs: 300_000, everyMs: 2_000 });
      const generation = (await s.status()).keys.find((k) => k.kind === 'fernet')?.generation ?? 0;
      const doomed = await s.restart({ crashAt: `identity-rotate:${stage}:after-record` });
      const id = (await s.ok<{ jobId: string }>('identity', 'rotate', '--no-wait')).jobId;
      await doomed.ended;
      const mend = await cutOff();
      try {
        s.as('m2');
        await s.restart();
        await eventually('the rotation to be held', async () => /GW_ROTATION_HELD|GW_NODE_AWAY|waits for s3-1/.test(JSON.stringify((await s.cli('job', 'show', id)).json)), { timeoutMs: 120_000, everyMs: 1_000 });
        const keys = (await s.status()).keys.find((k) => k.kind === 'fernet');
        expect(keys).toMatchObject({ phase, proven: false });
        expect((await job(id)).state).toBe('running');
        await everywhere();
        expect((await s.status()).keys.find((k) => k.kind === 'fernet')?.generation).toBe(keys?.generation);
      } finally {
        await mend();
      }
      const begun = Date.now();
      await eventually('the rotation to end', async () => ['succeeded', 'failed'].includes((await job(id)).state), { timeoutMs: 240_000, everyMs: 1_000 });
      expect((await job(id)).state).toBe('succeeded');
      console.log(`cut while ${phase}: ended ${((Date.now() - begun) / 1_000).toFixed(1)} s after the link was back`);
      expect((await s.status()).keys.find((k) => k.kind === 'fernet')?.generation).toBeGreaterThan(generation);
      await everywhere();
      await well();
    }, 15 * 60_000);
  }

  it('a node’s clock is wrong: it is kept out of service, no rotation begins, and its site neither refuses what lives nor accepts what is over', async () => {
    s.as('m1');
    await well();
    const node = s.nodes.find((n) => n.name === 's4-2');
    if (!node) throw new Error('no s4-2');
    const life = s.lab.topology.star?.tokens.expirationSeconds ?? 0;
    let old = { token: '', at: 0 };
    for (const off of [150, -150]) {
      const skewed = await skewNode(s.lab, node, off);
      try {
        await eventually('the node to be kept out', async () => {
          const ready = await readyOf(node);
          return ready.status === 503 && ready.body.includes('GW_AGENT_HELD') && ready.body.includes('clock');
        }, { timeoutMs: 120_000, everyMs: 1_000 });
        await eventually('the condition', async () => (await s.status()).conditions.some((c) => c.scope === 'node s4-2' && c.type === 'ClockInStep' && c.status === 'False' && c.reason === 'Skewed'), { timeoutMs: 60_000, everyMs: 1_000 });
        const refused = await s.cli('identity', 'rotate');
        expect(refused.code).not.toBe(0);
        expect(refused.stderr + refused.stdout).toMatch(/GW_CLOCK_SKEW/);
        // HAProxy there looks every few seconds.
        await pause(8_000);
        // Its own Keystone is really wrong about this token: ahead, it takes it for over; behind, it takes it for alive.
        if (off > 0) old = { token: await login(siteAddress(s.lab, 'm1'), loginOf(s.lab, 's3')), at: Date.now() };
        const until = off > 0 ? old.at + (life - off + 10) * 1_000 : old.at + (life + 10) * 1_000;
        await pause(Math.max(0, until - Date.now()));
        const by = await login(nodeAddress(node), loginOf(s.lab, 's3'));
        expect([off, await validate(nodeAddress(node), old.token, by)]).toEqual([off, off > 0 ? 404 : 200]);
        const right = off > 0 ? 200 : 404;
        for (const site of sites) {
          const asker = await login(siteAddress(s.lab, site), loginOf(s.lab, 's3'));
          expect([off, site, await validate(siteAddress(s.lab, site), old.token, asker)]).toEqual([off, site, right]);
        }
        console.log(`${off} s: s4-2 itself says ${off > 0 ? 404 : 200}, every site ${right}; rotation refused (GW_CLOCK_SKEW)`);
      } finally {
        await skewed.undo();
      }
      await eventually('the node to serve again', async () => (await readyOf(node)).status === 200, { timeoutMs: 120_000, everyMs: 1_000 });
    }
    await s.rotate();
    await everywhere();
  }, 20 * 60_000);

  it('a policy that is too small is refused with the arithmetic, before anything is begun', async () => {
    const started = startController(s.lab, {
      name: 'too-small', port: 8797,
      configure: (config) => {
        config['agents'] = { ...(config['agents'] as object), listen: `${s.lab.topology.wan.ops}:8798` };
        (config['identity'] as { fernet: { maxActiveKeys: number } }).fernet.maxActiveKeys = 4;
      },
    });
    const error = await started.then(async (c) => (await c.kill(), undefined), (e: unknown) => String(e));
    expect(error).toMatch(/GW_ROTATION_POLICY_UNSAFE/);
    expect(error).toMatch(/max_active_keys >= \(expiration 180 s \+ allow_expired_window 60 s\) \/ period 20 s \+ 2 = 14, and it is 4/);
    await everywhere();
  });
});
