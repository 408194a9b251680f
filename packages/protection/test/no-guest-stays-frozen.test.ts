import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../src/deps.ts';
import { ThawKeeper } from '../src/freeze/keeper.ts';
import { firstRung, ladder } from '../src/freeze/ladder.ts';
import { freezeWindow, type WindowOptions } from '../src/freeze/window.ts';
import { fakeSite, host, longestFreeze, type FakeGuest, type FakeSite } from './fake-compute.ts';

const log = () => undefined;
let site: FakeSite;
const keepers: ThawKeeper[] = [];

afterEach(async () => {
  for (const k of keepers.splice(0)) k.close();
  await site.close();
});

async function setUp(...ids: string[]): Promise<{ run: (o: Partial<WindowOptions>) => ReturnType<typeof freezeWindow>; keeper: ThawKeeper; guest: (id: string) => FakeGuest }> {
  site = await fakeSite(ids);
  const keeper = new ThawKeeper();
  keepers.push(keeper);
  return {
    keeper,
    guest: (id) => site.guests.get(id) as FakeGuest,
    run: (o) =>
      freezeWindow(
        { compute: site.compute, clock: systemClock, log },
        { site: 'site1', guests: ids.map((id) => ({ serverId: id, host, name: id })), limitMs: 5_000, inside: () => Promise.resolve(), keeper, progress: () => undefined, ...o },
      ),
  };
}

const until = async (look: () => boolean, ms = 8_000): Promise<void> => {
  const deadline = performance.now() + ms;
  while (!look()) {
    if (performance.now() > deadline) throw new Error('waited too long');
    await new Promise((r) => setTimeout(r, 20));
  }
};

describe('promise: no guest stays frozen', () => {
  it('freezes in order, does one thing while all are frozen, thaws in reverse, and leaves no switch armed', async () => {
    const { run, guest } = await setUp('a', 'b', 'c');
    let allFrozen = false;
    const result = await run({
      inside: () => {
        allFrozen = ['a', 'b', 'c'].every((id) => guest(id).frozen);
        return Promise.resolve();
      },
    });
    expect(allFrozen).toBe(true);
    expect(site.order).toEqual(['freeze a', 'freeze b', 'freeze c', 'thaw c', 'thaw b', 'thaw a']);
    expect(result.windowMs).toBeGreaterThanOrEqual(result.insideMs);
    for (const id of ['a', 'b', 'c']) expect(await site.compute.armed({ serverId: id })).toBeUndefined();
  });

  it('thaws all when what is done inside fails', async () => {
    const { run, guest } = await setUp('a', 'b');
    await expect(run({ inside: () => Promise.reject(new Error('cinder said no')) })).rejects.toThrow('cinder said no');
    await until(() => !guest('a').frozen && !guest('b').frozen);
    await until(() => keepers[0]?.pending().length === 0);
    expect(await site.compute.armed({ serverId: 'a' })).toBeUndefined();
  });

  it('never freezes the ones after a guest without agent, and thaws the ones before', async () => {
    const { run, guest } = await setUp('a', 'b', 'c');
    guest('b').absent = true;
    const inside = () => Promise.reject(new Error('must not be reached'));
    await expect(run({ inside })).rejects.toMatchObject({ code: 'GW_QUIESCE_FAILED', resource: 'server b' });
    expect(guest('a').frozen).toBe(false);
    expect(guest('c').history).toEqual([]);
  }, 20_000);

  it('undoes a freeze that a hung agent carries out after its caller gave up', async () => {
    const { run, guest, keeper } = await setUp('a', 'b');
    guest('b').hung = true;
    await expect(run({ limitMs: 5_000 })).rejects.toMatchObject({ code: expect.stringMatching(/GW_QUIESCE_FAILED|GW_WINDOW_OVERRUN/) as string });
    expect(guest('a').frozen).toBe(false);
    expect(keeper.pending()).toEqual(['b']);
    guest('b').comeBack();
    await until(() => guest('b').history.length === 2);
    await until(() => keeper.pending().length === 0);
    expect(guest('b').frozen).toBe(false);
    expect(longestFreeze(guest('b'))).toBeLessThan(5_000);
  }, 30_000);

  it('the broker thaws when the controller dies inside the window', async () => {
    const { run, guest, keeper } = await setUp('a', 'b');
    const died = run({
      limitMs: 2_500,
      inside: async () => {
        keeper.close(); // as a killed process: nobody is left to thaw
        await site.client.close();
        return new Promise<void>(() => undefined);
      },
    });
    void died.catch(() => undefined);
    await until(() => guest('a').frozen && guest('b').frozen);
    await until(() => !guest('a').frozen && !guest('b').frozen);
    expect(longestFreeze(guest('a'))).toBeLessThan(2_500);
    expect(longestFreeze(guest('b'))).toBeLessThan(2_500);
  }, 20_000);

  it('does not trust what was made when the broker may have thawed meanwhile', async () => {
    const { run, guest } = await setUp('a');
    await expect(run({ limitMs: 2_000, inside: (signal) => new Promise((_r, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))) })).rejects.toMatchObject({ code: 'GW_WINDOW_OVERRUN' });
    expect(guest('a').frozen).toBe(false);
    expect(longestFreeze(guest('a'))).toBeLessThan(2_000);
  }, 20_000);

  it('freezes nobody when the switch cannot be armed', async () => {
    const { run, guest } = await setUp('a');
    site.broker.stop();
    await expect(run({})).rejects.toMatchObject({ name: 'GodwitError' });
    expect(guest('a').history).toEqual([]);
  }, 30_000);

  it('its ladder begins inside the limit, and no two rungs are further apart than half of it', () => {
    for (const limitMs of [5_000, 30_000, 300_000]) {
      const rungs = ladder(limitMs);
      expect(rungs[0]).toBe(firstRung(limitMs));
      expect(rungs[0]).toBeLessThan(limitMs);
      for (let i = 1; i < rungs.length; i++) expect((rungs[i] ?? 0) - (rungs[i - 1] ?? 0)).toBeLessThanOrEqual(limitMs / 2);
      expect(rungs.at(-1)).toBeGreaterThan(25 * 60_000);
      expect([...rungs]).toEqual([...rungs].sort((a, b) => a - b));
    }
  });
});
