import { afterEach, describe, expect, it } from 'vitest';
import { HealthPoller } from '../src/health.ts';
import type { Site } from '../src/types.ts';

const pollers: HealthPoller[] = [];
afterEach(() => {
  for (const poller of pollers.splice(0)) poller.stop();
});

/** Sites whose Keystone answers as `answer` says. */
function poller(count: number, pollMs: number, answer: (index: number, signal: AbortSignal) => Promise<unknown>): { poller: HealthPoller; asked: number[]; atOnce: () => number } {
  const asked: number[] = [];
  let now = 0;
  let most = 0;
  const sites = Array.from({ length: count }, (_, i) => ({
    name: `s${String(i)}`,
    admin: {
      identity: {
        ping: async ({ signal }: { signal: AbortSignal }) => {
          asked.push(i);
          most = Math.max(most, (now += 1));
          try {
            return await answer(i, signal);
          } finally {
            now -= 1;
          }
        },
      },
    },
  }));
  const made = new HealthPoller(sites as unknown as Site[], pollMs);
  pollers.push(made);
  return { poller: made, asked, atOnce: () => most };
}
const hang = (signal: AbortSignal): Promise<never> => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));

describe('the health poller', () => {
  it('asks every site soon after the start, then each once in its time, not all at one moment', async () => {
    const { poller: health, asked, atOnce } = poller(50, 400, () => new Promise((done) => setTimeout(done, 5)));
    health.start();
    await expect.poll(() => new Set(asked).size, { timeout: 5_000 }).toBe(50);
    const before = asked.length;
    await new Promise((done) => setTimeout(done, 400));
    expect(asked.length - before).toBeGreaterThan(25);
    expect(asked.length - before).toBeLessThan(100);
    // A busy machine's timers come in bunches; without a turn for each it would be all fifty.
    expect(atOnce()).toBeLessThan(50);
    expect(health.of('s7').state).toBe('up');
  });

  it('a site that hangs is down after its time, and delays no other', async () => {
    const { poller: health } = poller(4, 60, (i, signal) => (i === 0 ? hang(signal) : Promise.resolve()));
    health.start();
    await expect.poll(() => health.of('s3').state, { timeout: 50 }).toBe('up');
    expect(health.of('s0').state).toBe('unknown');
    await expect.poll(() => health.of('s0').state, { timeout: 1000 }).toBe('down');
    const { since } = health.of('s0');
    await new Promise((done) => setTimeout(done, 150));
    expect(health.of('s0').since).toBe(since);
  });
});
