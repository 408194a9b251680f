import { describe, expect, it } from 'vitest';
import { login, loginOf, nodeAddress, startLoad, validate, type LoadStats } from '../../src/harness/index.ts';
import { useStar } from '../../src/harness/star.ts';

const rotations = 20;
const wanted = Number(process.env['GODWIT_LAB_VALIDATIONS'] ?? 20_000);

describe('promise: no rotation refuses a token that lives', () => {
  const s = useStar();

  it(`${rotations} rotations under continuous validation at every node, ${wanted} validations, none refused`, async () => {
    const star = s.lab.topology.star;
    const lifeS = star?.tokens.expirationSeconds ?? 0;
    const load = startLoad(s.lab, { lifeS });
    let dropped = 0;
    let stats: LoadStats;
    try {
      for (let n = 1; n <= rotations; n += 1) {
        const begun = Date.now();
        const done = await s.rotate();
        dropped += done.dropped;
        expect(done.nodes).toBe(6);
        expect(done.keys).toBeLessThanOrEqual(star?.rotation.maxActiveKeys ?? 0);
        console.log(`rotation ${n}: ${done.seconds.toFixed(1)} s, ${done.keys} keys, ${done.dropped} dropped; ${load.stats().validations} validations, ${load.stats().refused.length} refused`);
        const rest = (star?.rotation.periodSeconds ?? 0) * 1_000 - (Date.now() - begun);
        if (rest > 0) await new Promise((resolve) => setTimeout(resolve, rest));
      }
      while (load.stats().validations < wanted) await new Promise((resolve) => setTimeout(resolve, 1_000));
    } finally {
      stats = await load.stop();
      console.log(JSON.stringify(stats));
    }
    expect(stats.refused).toEqual([]);
    expect(stats.validations).toBeGreaterThanOrEqual(wanted);
    // The test has met tokens that were nearly over, and keys that had gone.
    expect(stats.oldestS).toBeGreaterThan(lifeS - 30);
    expect(dropped).toBeGreaterThan(0);
    for (const kind of (await s.status()).keys) expect([kind.kind, kind.proven]).toEqual([kind.kind, true]);
  }, 60 * 60_000);

  it('the keys of credentials rotate too, and what they protect can be read with the new key alone', async () => {
    const before = (await s.status()).keys.find((k) => k.kind === 'credential');
    const done = await s.rotate('credential');
    expect(done.primary).toBe(Math.max(...(before?.keys.map((k) => k.index) ?? [])) + 1);
    // The staged one, the new one and the one before it, as Keystone's own tool leaves them.
    expect(done.keys).toBeLessThanOrEqual(3);
    const token = await login(nodeAddress(s.nodes[0] as never), loginOf(s.lab, 'm1-admin'));
    for (const node of s.nodes.map(nodeAddress)) expect([node.name, await validate(node, token)]).toEqual([node.name, 200]);
  });
});
