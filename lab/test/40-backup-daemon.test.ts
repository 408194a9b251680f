import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { expectNoOrphans, jobEnds, jobReaches } from '../src/harness/assert.ts';
import { useScenario } from '../src/harness/suite.ts';

describe('cinder-backup killed during a backup', () => {
  const s = useScenario();

  it('the job waits for it and ends well when it is back', async () => {
    const { jobId } = await s.ok<{ jobId: string }>('protect', 'vnf', '--no-wait');
    await jobReaches(s, jobId, 'BackingUp');
    await delay(3_000);
    await s.lab.stopService('site1', 'cinder-backup', { kill: true });
    await delay(20_000);
    await s.lab.startService('site1', 'cinder-backup');
    expect(await jobEnds(s, jobId)).toMatchObject({ state: 'succeeded' });
    await expectNoOrphans(s);
    const point = (await s.ok<{ id: string; state: string }[]>('recovery-point', 'list', 'vnf')).at(-1);
    expect(point?.state).toBe('Available');
    expect(await s.ok('recovery-point', 'verify', point?.id ?? '', '--restore')).toMatchObject({ ok: true, restored: true });
  });
});
