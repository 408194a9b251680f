import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rotateWorkflow } from '../src/rotate/workflow.ts';
import { Crash, makeWorld, newJournal, run, starConfig, type World } from './world.ts';

const config = starConfig('tokens: { expirationSeconds: 40, allowExpiredWindowSeconds: 30 }\n  fernet: { periodSeconds: 30, maxActiveKeys: 6 }\n  clockSkewSeconds: 5');
const lifeMs = 70_000;

/** Tokens as Keystones make and judge them: signed with a node's primary, accepted by a node that has the key. */
class Users {
  readonly #world: World;
  readonly #living: { key: string; until: number; by: string }[] = [];
  refusals: string[] = [];
  validations = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** Everybody who runs signs a token, and is shown every token that lives. */
  tick = (): void => {
    const now = this.#world.clock.now().getTime();
    const serving = [...this.#world.nodes.nodes.values()].filter((n) => n.on);
    for (const n of serving) {
      const key = n.primary();
      if (key === undefined) this.refusals.push(`${n.name} has no key`);
      else if (!this.#living.some((t) => t.key === key && t.by === n.name && t.until >= now + lifeMs - 1_000)) this.#living.push({ key, until: now + lifeMs, by: n.name });
    }
    for (let i = this.#living.length - 1; i >= 0; i--) if ((this.#living[i]?.until ?? 0) < now) this.#living.splice(i, 1);
    for (const n of serving) {
      for (const t of this.#living) {
        this.validations++;
        if (!n.accepts(t.key)) this.refusals.push(`${n.name} refuses a token of ${t.by} that lives ${t.until - now} ms more`);
      }
    }
  };
}

const names = ['m1-k1', 'm2-k1', 's3-k1', 's3-k2', 's4-k1', 's4-k2'];
const faults = fc.array(
  fc.record({
    atMs: fc.integer({ min: 0, max: 200_000 }),
    node: fc.constantFrom(...names),
    lastsMs: fc.integer({ min: 100, max: 150_000 }),
    what: fc.constantFrom('cut', 'off', 'dies mid-way', 'disk full', 'edited', 'rotated by hand'),
    after: fc.integer({ min: 0, max: 4 }),
  }),
  { maxLength: 8 },
);

describe('no valid token is refused', () => {
  it('by rotations while nodes go away, lose power half-way through an order, fill their disks, are edited, and the controller is killed anywhere', { timeout: 60_000 }, async () => {
    let validations = 0;
    let rotations = 0;
    let dropped = 0;
    await fc.assert(
      fc.asyncProperty(faults, fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 6 }), fc.integer({ min: 1, max: 4 }), async (plan, crashes, count) => {
        const world = makeWorld({ config });
        const users = new Users(world);
        await world.adopt();
        world.nodes.onChange = users.tick;
        for (let ms = 0; ms < 3_000_000; ms += 2_500) world.clock.at(ms, users.tick);
        for (const f of plan) {
          const node = world.nodes.node(f.node);
          world.clock.at(f.atMs, () => {
            if (f.what === 'cut') node.connected = false;
            if (f.what === 'off') node.on = false;
            if (f.what === 'disk full') node.diskFull = true;
            if (f.what === 'dies mid-way') node.diesAfter = f.after;
            // keystone-manage fernet_rotate, once: what was staged is promoted there, and a key of its own is staged.
            if (f.what === 'rotated by hand' && node.repositories.fernet.generation > 0) {
              const files = node.repositories.fernet.files;
              const zero = files.get('0');
              const proven = world.store.generations.filter((g) => g.kind === 'fernet').at(-1);
              // By hand and in the middle of a rotation nobody can promise anything: only at rest.
              if (zero !== undefined && proven?.phase === 'pruned') {
                files.set(String(Math.max(...[...files.keys()].map(Number)) + 1), zero);
                files.set('0', `${'x'.repeat(42)}${f.after}=`);
              }
            }
            if (f.what === 'edited') node.repositories.fernet.generation = 0;
          });
          world.clock.at(f.atMs + f.lastsMs, () => {
            node.connected = true;
            node.on = true;
            node.diskFull = false;
            node.diesAfter = -1;
          });
        }
        const killAt = new Set(crashes);
        let boundaries = 0;
        for (let r = 0; r < count; r++) {
          const from = (await world.store.generation('fernet'))?.generation ?? 0;
          const journal = newJournal();
          for (;;) {
            try {
              const result = await run(rotateWorkflow(world.deps), { kind: 'fernet' as const, from }, {
                jobId: `rotation-${r}`, clock: world.clock, journal, boundary: () => {
                  if (killAt.has(boundaries++)) throw new Crash();
                },
              });
              rotations++;
              dropped += result.dropped;
              break;
            } catch (error) {
              if (error instanceof Crash) continue;
              // No room for a key more yet: that is said, and nothing is changed.
              if ((error as { code?: string }).code !== 'GW_KEY_LIMIT' && (error as { code?: string }).code !== 'GW_PREFLIGHT') throw error;
              await world.clock.sleep(10_000);
              journal.results.clear();
            }
          }
          // Nothing of a key is in what the engine keeps, in what is shown, or in the log.
          const kept = JSON.stringify([...journal.results.values()]) + journal.said.join('\n') + world.logged.join('\n');
          for (const key of world.made) expect(kept).not.toContain(key);
          await world.clock.sleep(30_000);
        }
        // Everybody has the same at the end, and it is whole.
        const primaries = new Set([...world.nodes.nodes.values()].map((n) => n.primary()));
        expect(primaries.size).toBe(1);
        expect(users.refusals).toEqual([]);
        validations += users.validations;
      }),
      { numRuns: Number(process.env['FC_RUNS'] ?? 60), seed: Number(process.env['FC_SEED'] ?? 20261124) },
    );
    // The test has seen what it speaks of.
    expect(rotations).toBeGreaterThan(60);
    expect(dropped).toBeGreaterThan(0);
    expect(validations).toBeGreaterThan(20_000);
    console.log(`${rotations} rotations, ${dropped} keys dropped, ${validations} validations, no refusal`);
  });
});
