import { describe, expect, it } from 'vitest';
import { connect, agent, writerAt } from '../src/harness/index.ts';
import { expectNoOrphans, expectThawed, jobEnds, jobReaches } from '../src/harness/assert.ts';
import { useScenario } from '../src/harness/suite.ts';

/** The promise: no guest stays frozen. On the real nova-compute, broker and guests. */
describe('promise: no guest stays frozen', () => {
  const s = useScenario();
  const writers = () => Promise.all(s.members.map((m) => writerAt(s.lab, 'site1', m.ip)));
  const begin = async (): Promise<string> => (await s.ok<{ jobId: string }>('protect', 'vnf', '--no-wait')).jobId;

  it('server quiesce and unquiesce work by themselves, and a forgotten server is thawed by the broker', async () => {
    const before = await writers();
    const frozen = await s.ok<{ frozen: boolean; thawsAt: string }>('server', 'quiesce', 'vnf-app', '--site', 'site1', '--limit', '30');
    expect(frozen.frozen).toBe(true);
    expect((await s.ok<{ frozen: boolean }>('server', 'unquiesce', 'vnf-app', '--site', 'site1')).frozen).toBe(false);
    await s.ok('server', 'quiesce', 'vnf-app', '--site', 'site1', '--limit', '10');
    await expectThawed(s, before, 12_000);
    await s.ok('server', 'unquiesce', 'vnf-app', '--site', 'site1');
  });

  it('a hung agent: refused before anyone is frozen, and thawed if it hangs only then', async () => {
    const [, app] = s.members;
    const before = await writers();
    await agent(s.lab, 'site1', app?.ip ?? '', 'stop');
    try {
      const refused = await s.cli('protect', 'vnf');
      expect(refused.code).toBe(5);
      expect(JSON.stringify(refused.json)).toContain('GW_AGENT_SILENT');
    } finally {
      await agent(s.lab, 'site1', app?.ip ?? '', 'cont');
    }
    await expectThawed(s, before);
    // Between the preflight and the freeze: the agent hangs when the first member is being frozen.
    const job = await begin();
    await jobReaches(s, job, 'PreparingVolumeGroup');
    await agent(s.lab, 'site1', app?.ip ?? '', 'stop');
    const ended = await jobEnds(s, job);
    expect(ended.state).toBe('failed');
    expect(['GW_QUIESCE_FAILED', 'GW_WINDOW_OVERRUN']).toContain(ended.error?.code);
    await agent(s.lab, 'site1', app?.ip ?? '', 'cont');
    await expectThawed(s, before);
    await expectNoOrphans(s);
  });

  it('the broker killed while guests are frozen', async () => {
    const before = await writers();
    const job = await begin();
    await jobReaches(s, job, 'Snapshotting');
    await s.lab.stopService('site1', 'rabbitmq', { kill: true });
    await s.lab.startService('site1', 'rabbitmq');
    const ended = await jobEnds(s, job);
    console.log('broker killed: the job', ended.state, ended.error?.code ?? '');
    await expectThawed(s, before);
    await expectNoOrphans(s);
    expect((await s.ok<{ state: string }[]>('recovery-point', 'list', 'vnf')).filter((p) => !['Available', 'Failed'].includes(p.state))).toEqual([]);
  });

  it('the controller killed (SIGKILL) while guests are frozen, and nobody starts another within the limit', async () => {
    const before = await writers();
    const job = await begin();
    await jobReaches(s, job, 'Snapshotting');
    await s.controller().kill();
    await expectThawed(s, before);
    await s.restart();
    const ended = await jobEnds(s, job);
    expect(ended).toMatchObject({ state: 'failed', error: { code: 'GW_WINDOW_INTERRUPTED' } });
    await expectNoOrphans(s);
    const cloud = await connect(s.lab, 'site1');
    expect((await cloud.volume.groupSnapshots.list()).length).toBe(0);
    await cloud.close();
  });

  it('protects as ever afterwards', async () => {
    const before = await writers();
    expect((await s.ok<{ state: string }>('protect', 'vnf')).state).toBe('Available');
    await expectThawed(s, before);
    await expectNoOrphans(s);
  });
});
