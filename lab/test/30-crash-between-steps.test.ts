import { describe, expect, it } from 'vitest';
import { writerAt } from '../src/harness/index.ts';
import { expectNoOrphans, expectThawed, jobEnds } from '../src/harness/assert.ts';
import { useScenario } from '../src/harness/suite.ts';

interface Job {
  readonly id: string;
  readonly state: string;
  readonly steps: readonly { readonly name: string }[];
}

/** The controller is killed between any two steps of protect; another takes the job up; it ends as if nothing had happened. */
describe('promise: any step may be run twice', () => {
  const s = useScenario();

  it('SIGKILL after every step of protect, one after another, and between a step’s effect and its record', async () => {
    await s.ok('protect', 'vnf');
    const [whole] = await s.ok<Job[]>('job', 'list');
    const names = (await s.ok<Job>('job', 'show', whole?.id ?? '')).steps.map((step) => step.name);
    expect(names).toContain('freeze-and-snapshot');
    // Steps side by side are one kind of step each: the first of them stands for all.
    const steps = [...new Map(names.map((n) => [n.replace(/\[.*/, ''), n])).values()];
    const boundaries = steps.flatMap((step) => [`protect:${step}:after-record`, ...(step.startsWith('freeze') || step.startsWith('backup') || step.startsWith('publish') ? [`protect:${step}:after-effect`] : [])]);
    const outcomes: string[] = [];
    for (const at of boundaries) {
      const before = await Promise.all(s.members.map((m) => writerAt(s.lab, 'site1', m.ip)));
      const doomed = await s.restart({ crashAt: at });
      const { jobId } = await s.ok<{ jobId: string }>('protect', 'vnf', '--no-wait');
      await doomed.ended;
      await s.restart();
      const ended = await jobEnds(s, jobId);
      outcomes.push(`${at}: ${ended.state} ${ended.error?.code ?? ''}`);
      // Done but not recorded, the window cannot be told from one that was cut short: that point fails, whole.
      if (at === 'protect:freeze-and-snapshot:after-effect') expect(ended, at).toMatchObject({ state: 'failed', error: { code: 'GW_WINDOW_INTERRUPTED' } });
      else expect(ended, at).toMatchObject({ state: 'succeeded' });
      await expectThawed(s, before);
      await expectNoOrphans(s);
    }
    console.log(`boundaries tried: ${boundaries.length}\n${outcomes.join('\n')}`);
  }, 80 * 60_000);
});
