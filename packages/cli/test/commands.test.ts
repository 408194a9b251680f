import { parse } from 'yaml';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Bench, makeBench, playJobs, populate } from './harness.ts';

let bench: Bench;
beforeEach(async () => (bench = await makeBench()));
afterEach(() => bench.close());

const json = (text: string): never => JSON.parse(text) as never;

describe('site', () => {
  it('list shows state, and since when in words', async () => {
    bench.world.sites.setHealth('site2', 'down');
    const { code, out } = await bench.run('site list');
    expect(code).toBe(0);
    expect(out.split('\n').slice(0, 3)).toEqual([
      expect.stringMatching(/^(\+-+)+\+$/),
      expect.stringMatching(/^\| Name +\| State \| Since +\| Region +\| Identity URL +\| Message \|$/),
      out.split('\n')[0],
    ]);
    expect(out).toMatch(/^\| site1 +\| up +\| 10 min 0 s ago \| RegionOne \|/m);
    expect(out).toMatch(/^\| site2 +\| down/m);
  });

  it('show', async () => {
    expect((await bench.run('site show site1 -f value -c name -c state')).out).toBe('site1\nup\n');
  });

  it('check tries all, and ends with 1 when something fails', async () => {
    bench.world.sites.keystone('site2').mode = 'dead';
    const { code, out } = await bench.run('site check', { as: 'admin' });
    expect(code).toBe(1);
    expect(out).toMatch(/site2 +\| identity +\| NO .*GW_SITE_UNREACHABLE.*connection refused/);
    expect((await bench.run('site check site1', { as: 'admin' })).code).toBe(0);
  });
});

describe('group', () => {
  const create = ['group', 'create', 'vnf', '--site', 'site1', '--recovery-site', 'site2', '--member', 'vm2', '--member', 'vm1', '--freeze-limit', '20', '--retain', '3', '--full-every', '5'];

  it('create keeps the order of members, and the policy', async () => {
    const { code, out } = await bench.run([...create, '-f', 'json']);
    expect(code).toBe(0);
    expect(json(out)).toMatchObject({
      name: 'vnf', site: 'site1', recoverySite: 'site2', project: { name: 'vnf', domain: 'Default' },
      members: [{ name: 'vm2', order: 0 }, { name: 'vm1', order: 1 }],
      policy: { freezeLimitSeconds: 20, retain: 3, fullEvery: 5 },
    });
    const [, , input] = bench.world.protection.calls.find((c) => c[0] === 'createGroup') ?? [];
    expect(input).toMatchObject({ members: ['vm2', 'vm1'] });
  });

  it('create names the zone of the backups, and leaves it out when not asked', async () => {
    const { code, out } = await bench.run([...create, '--backup-zone', 'swift']);
    expect([code, out]).toEqual([0, expect.stringContaining('full every 5, backups in zone swift')]);
    const [, , input] = bench.world.protection.calls.find((c) => c[0] === 'createGroup') ?? [];
    expect(input).toMatchObject({ policy: { backupZone: 'swift' } });
    await bench.run(['group', 'create', 'other', ...create.slice(3)]);
    const plain = bench.world.protection.calls.filter((c) => c[0] === 'createGroup').at(-1)?.[2];
    expect(plain).toMatchObject({ name: 'other', policy: { freezeLimitSeconds: 20 } });
    expect((plain as { policy: object }).policy).not.toHaveProperty('backupZone');
  });

  it('list and show', async () => {
    const { group } = await populate(bench.world);
    expect((await bench.run('group list -f value -c name -c members')).out).toBe('vnf ["vm1","vm2"]\n');
    expect((await bench.run('group list')).out).toContain('vm1, vm2');
    const { out } = await bench.run('group show vnf');
    expect(out).toContain('frozen at most 30 s, 7 points kept, full every 14');
    expect(out).toContain(group.members[1]?.serverId);
  });

  it('set changes what is named, and says what server-image means', async () => {
    await populate(bench.world);
    const { code, out } = await bench.run('group set vnf --method server-image --retain 3 --no-group-consistent');
    expect([code, out]).toEqual([0, expect.stringContaining('server-image, frozen at most 30 s, 3 points kept, full every 14')]);
    expect(out).toContain('not consistent with each other');
    expect((await bench.run('group set vnf --backup-zone swift')).out).toContain('backups in zone swift');
    expect((await bench.run('group set vnf --any-backup-zone --method group-snapshot')).out).not.toMatch(/swift|each other/);
    expect(bench.world.protection.groups.values().next().value?.policy).toMatchObject({ method: 'group-snapshot', retain: 3, groupConsistent: false });
    expect((await bench.run('group set vnf --method magic')).code).toBe(2);
  });

  it('advise shows each method, what was measured, and every reason against', async () => {
    await populate(bench.world);
    const { code, out } = await bench.run('group advise vnf');
    expect(code).toBe(0);
    expect(out).toMatch(/group-snapshot \(chosen\).*yes.*application.*2.*1\.11 s.*34\.0 s.*10 min 34 s.*41\.5 s/);
    expect(out).toContain('Recommended: group-snapshot.');
    bench.world.protection.findings = [{ code: 'GW_MEMBER_EPHEMERAL_ROOT', message: 'a root that is no volume', action: 'another method' }];
    const refused = await bench.run('group advise vnf');
    expect(refused.out).toContain('a root that is no volume');
    expect(refused.out).not.toContain('Recommended');
    expect(json((await bench.run('group advise vnf -f json')).out)).toMatchObject([{ method: 'group-snapshot', usable: false, recommended: false, reasons: [{ code: 'GW_MEMBER_EPHEMERAL_ROOT' }] }, {}]);
  });

  it('delete asks on a terminal, takes a script at its word, and waits for a purge', async () => {
    await populate(bench.world);
    const declined = await bench.run('group delete vnf --purge', { answer: false });
    expect([declined.code, declined.asked]).toEqual([1, ['Delete group vnf and all its recovery points?']]);
    expect(bench.world.protection.groups.size).toBe(1);
    playJobs(bench.world, [], { state: 'succeeded' });
    expect((await bench.run('group delete vnf --purge --yes', { answer: false })).code).toBe(0);
    expect(bench.world.protection.groups.size).toBe(0);
    await populate(bench.world);
    expect(await bench.run('group delete vnf')).toMatchObject({ code: 0, out: '', err: '' });
  });
});

describe('protect', () => {
  const finding = { code: 'GW_AGENT_SILENT', message: 'the agent of vm1 does not answer', site: 'site1', resource: 'server vm1', action: 'Start qemu-guest-agent.' };
  const other = { code: 'GW_QUOTA', message: 'no room for 2 snapshots', site: 'site1', action: 'Raise the quota.' };

  it('waits, tells what happens, and shows the recovery point', async () => {
    const { point } = await populate(bench.world);
    playJobs(
      bench.world,
      [
        ['step', { state: 'running', attempt: 1 }, 'freeze-and-snapshot'],
        ['progress', { phase: 'quiescing', item: 'vm1' }, 'freeze-and-snapshot'],
        ['log', { message: 'thawed in reverse' }, 'freeze-and-snapshot'],
        ['step', { state: 'succeeded' }, 'freeze-and-snapshot'],
        ['progress', { phase: 'backing up', item: 'vm1-root', done: 0, total: 1024, unit: 'bytes' }, 'backup[v1]'],
        ['progress', { phase: 'backing up', item: 'vm1-root', done: 10, total: 1024, unit: 'bytes' }, 'backup[v1]'],
        ['progress', { phase: 'backing up', item: 'vm1-root', done: 1024, total: 1024, unit: 'bytes' }, 'backup[v1]'],
        ['step', { state: 'retrying', error: { code: 'GW_SITE_ERROR', message: 'no' }, retryInMs: 2000 }, 'publish'],
      ],
      { state: 'succeeded', result: { point: { id: point } } },
    );
    const { code, out, err } = await bench.run('protect vnf');
    expect(code).toBe(0);
    expect(out).toMatch(/ID +\| 00000000-0000-4000-8000-000000000001/);
    expect(out).toMatch(/Frozen for +\| 1\.23 s/);
    expect(out).toMatch(/vm1-root \| \/dev\/vda \| 1 GiB \| full/);
    expect(err.replace(/\d\d:\d\d:\d\d /g, '').replace(/job [0-9a-f-]{36}/, 'job ID').split('\n')).toEqual([
      'job ID', 'job running', 'freeze-and-snapshot …', '  quiescing vm1', '  thawed in reverse', 'freeze-and-snapshot: done in 0 ms',
      '  backing up vm1-root 0 B of 1.0 KiB', '  backing up vm1-root 1.0 KiB of 1.0 KiB',
      'publish: retrying: GW_SITE_ERROR: no (tried again in 2.00 s)', 'job succeeded', '',
    ]);
  });

  it('--no-wait gives the job, in any format', async () => {
    await populate(bench.world);
    const { code, out, err } = await bench.run('protect vnf --no-wait -f json');
    expect([code, err]).toEqual([0, '']);
    const { jobId } = json(out) as { jobId: string };
    expect((await bench.run('protect vnf --no-wait -f value')).out).toMatch(/^[0-9a-f-]{36}\n$/);
    expect((await bench.run(`job show ${jobId} -f value -c state`)).out).toBe('queued\n');
  });

  it('--dry-run shows the plan, or all that is missing and 5', async () => {
    await populate(bench.world);
    const good = await bench.run('protect vnf --dry-run');
    expect([good.code, good.out]).toEqual([0, 'group vnf: nothing is missing\n  1. quiesce vm1\n  2. snapshot\n']);
    bench.world.protection.findings = [finding, other];
    const bad = await bench.run('protect vnf --dry-run');
    expect(bad.code).toBe(5);
    for (const text of ['GW_AGENT_SILENT', 'server vm1', 'Start qemu-guest-agent.', 'GW_QUOTA', 'no room for 2 snapshots']) expect(bad.out).toContain(text);
    const exact = await bench.run('protect vnf --dry-run -f json');
    expect([exact.code, json(exact.out)]).toEqual([5, { ok: false, group: 'vnf', findings: [finding, other], warnings: [], plan: ['quiesce vm1', 'snapshot'] }]);
  });

  it('a job whose preflight refused ends with 5, and lists all findings', async () => {
    await populate(bench.world);
    const details = { ok: false, group: 'vnf', findings: [finding, other], plan: [], site: 'site1' };
    playJobs(bench.world, [], { state: 'failed', error: { code: 'GW_PREFLIGHT', message: 'group vnf: refused', kind: 'terminal', details } });
    const { code, out, err } = await bench.run('protect vnf');
    expect([code, out]).toEqual([5, '']);
    expect(err).toContain('error GW_PREFLIGHT: group vnf: refused (site site1)');
    expect(err).toContain('GW_AGENT_SILENT');
    expect(err).toContain('GW_QUOTA');
  });

  it('a failed job ends with 1 and says where, with OpenStack’s request id', async () => {
    await populate(bench.world);
    playJobs(bench.world, [], { state: 'failed', error: { code: 'GW_SITE_ERROR', message: 'backup failed', kind: 'terminal', details: { site: 'site1', resource: 'volume v1', requestId: 'req-9', action: 'Look at cinder-backup.' } } });
    const { code, err } = await bench.run('protect vnf -q');
    expect([code, err]).toEqual([1, 'error GW_SITE_ERROR: backup failed (site site1, volume v1)\n  what to do: Look at cinder-backup.\n  request id: req-9\n']);
    const exact = await bench.run('protect vnf -q -f json');
    expect(json(exact.err)).toMatchObject({ code: 'GW_SITE_ERROR', site: 'site1', requestId: 'req-9' });
  });

  it('a cancelled job ends with 1', async () => {
    await populate(bench.world);
    playJobs(bench.world, [], { state: 'cancelled' });
    expect(await bench.run('protect vnf -q')).toMatchObject({ code: 1, err: expect.stringContaining('GW_JOB_CANCELLED') as string });
  });

  it('draws bars on a terminal', async () => {
    const { point } = await populate(bench.world);
    playJobs(
      bench.world,
      [
        ['step', { state: 'running', attempt: 1 }, 'backup'],
        ['log', { message: 'a word' }, 'backup'],
        ['progress', { phase: 'backing up', item: 'vm1-root', done: 512, total: 1024, unit: 'bytes' }, 'backup'],
        ['step', { state: 'succeeded' }, 'backup'],
      ],
      { state: 'succeeded', result: { point: { id: point } } },
    );
    const { code, err } = await bench.run('protect vnf', { tty: 120 });
    expect(code).toBe(0);
    expect(err).toMatch(/vm1-root +█{12}░{12} backing up 512 B of 1\.0 KiB/);
    expect(err).toMatch(/✔ backup +done in 0 ms/);
    expect(err).toContain('a word');
    expect(err).toContain('\u001B[?25h');
  });
});

describe('group resync', () => {
  it('shows where, what was given up, and the copies of it', async () => {
    await populate(bench.world);
    playJobs(bench.world, [], { state: 'succeeded', result: { images: ['volumes/volume-1'], kept: ['godwit-kept-e2-volume-1'] } });
    const { code, out } = await bench.run('group resync vnf --yes');
    expect(code).toBe(0);
    expect(out).toMatch(/Given up at +\| site2/);
    expect(out).toMatch(/Kept there +\| godwit-kept-e2-volume-1/);
    expect(json((await bench.run('group resync vnf --yes -q -f json')).out)).toEqual({ group: 'vnf', site: 'site2', images: ['volumes/volume-1'], kept: ['godwit-kept-e2-volume-1'] });
  });
});

describe('recover', () => {
  const result = {
    group: 'vnf', point: 'p', site: 'site2', epoch: 2, rpoSeconds: 75, rtoSeconds: 41.5, sourceFenced: false, alreadyActive: false,
    servers: [{ name: 'vm1', id: 's1', bootedAt: '2026-01-02T03:14:00.000Z', ports: [{ mac: 'fa:16:3e:00:00:01', ips: ['10.0.0.5'] }] }],
  };

  it('waits and shows RPO, RTO and the servers', async () => {
    await populate(bench.world);
    playJobs(bench.world, [], { state: 'succeeded', result });
    const { code, out } = await bench.run('recover vnf --to site2 --point p');
    expect(code).toBe(0);
    expect(out).toMatch(/RPO +\| 1 min 15 s/);
    expect(out).toMatch(/RTO +\| 41\.5 s/);
    expect(out).toMatch(/Lost site fenced +\| when it comes back/);
    expect(out).toMatch(/vm1 +\| s1 +\| fa:16:3e:00:00:01 10\.0\.0\.5/);
    expect(bench.world.protection.calls.find((c) => c[0] === 'recover')?.[3]).toEqual({ to: 'site2', point: 'p', sourceIsDown: false });
    await bench.run('recover vnf --to site2 --source-is-down');
    expect(bench.world.protection.calls.findLast((c) => c[0] === 'recover')?.[3]).toEqual({ to: 'site2', sourceIsDown: true });
    expect(json((await bench.run('recover vnf --to site2 -q -f json')).out)).toEqual(result);
  });

  it('asks on a terminal, but not for a dry run', async () => {
    await populate(bench.world);
    expect((await bench.run('recover vnf --to site2', { answer: false })).code).toBe(1);
    expect(bench.world.protection.calls.some((c) => c[0] === 'recover')).toBe(false);
    expect(await bench.run('recover vnf --to site2 --dry-run', { answer: false })).toMatchObject({ code: 0, asked: [] });
  });
});

describe('recovery-point', () => {
  it('list, show, verify', async () => {
    const { point } = await populate(bench.world);
    const { out } = await bench.run('recovery-point list vnf');
    expect(out).toMatch(/\| 1 +\| 00000000-0000-4000-8000-000000000001 \| Available \| 10 min 0 s ago \| full/);
    expect((await bench.run(`recovery-point show ${point} -f json`)).out).toContain('"freezeWindowMs": 1234.5');
    expect(await bench.run(`recovery-point verify ${point} -f value -c ok`)).toMatchObject({ code: 0, out: 'true\n' });
    bench.world.protection.findings = [{ code: 'GW_CHAIN_BROKEN', message: 'backup b0 is missing', resource: 'volume v1' }];
    const broken = await bench.run(`recovery-point verify ${point}`);
    expect(broken.code).toBe(1);
    expect(broken.out).toContain('GW_CHAIN_BROKEN');
  });

  it('verify --restore is a job, whose findings count too', async () => {
    const { point } = await populate(bench.world);
    playJobs(bench.world, [], { state: 'succeeded', result: { point, ok: false, restored: true, findings: [{ code: 'GW_X', message: 'm' }] } });
    expect(await bench.run(`recovery-point verify ${point} --restore -q`)).toMatchObject({ code: 1, out: expect.stringContaining('GW_X') as string });
  });
});

describe('job', () => {
  it('list, show and cancel', async () => {
    const { group } = await populate(bench.world);
    bench.world.jobs.add({
      id: 'j1', state: 'running', labels: { group: group.id, groupName: 'vnf', project: 'Default/vnf' }, startedAt: '2026-01-02T03:13:05.000Z',
      steps: [{ name: 'quiesce', state: 'failed', attempts: 2, startedAt: '2026-01-02T03:13:05.000Z', endedAt: '2026-01-02T03:13:06.500Z', error: { code: 'GW_Y', message: 'why', kind: 'retryable' } }],
      progress: [{ phase: 'backing up', item: 'v', done: 3, total: 4, unit: 'volumes' }],
    });
    expect((await bench.run('job list --state running,queued --group vnf --limit 5 -f value -c id -c state -c group')).out).toBe('j1 running vnf\n');
    expect((await bench.run('job list --state failed -f json')).out).toBe('[]\n');
    const { out } = await bench.run('job show j1');
    expect(out).toMatch(/quiesce +\| failed +\| 2 +\| 1\.50 s +\| GW_Y: why/);
    expect(out).toMatch(/backing up +\| v +\| 3 of 4 volumes/);
    expect((await bench.run('job cancel j1 -f value -c state')).out).toBe('cancelling\n');
    bench.world.jobs.update('j1', { state: 'cancelled' });
    expect(await bench.run('job cancel j1')).toMatchObject({ code: 1, err: expect.stringContaining('GW_JOB_ENDED') as string });
  });

  it('watch ends as the job does', async () => {
    await populate(bench.world);
    for (const [id, end, code] of [['a', { state: 'succeeded' }, 0], ['b', { state: 'failed', error: { code: 'GW_Z', message: 'z', kind: 'terminal' } }, 1]] as const) {
      bench.world.jobs.add({ id, labels: { project: 'Default/vnf' } });
      bench.world.jobs.update(id, end);
      expect((await bench.run(`job watch ${id} -q`)).code).toBe(code);
    }
  });
});

describe('the others', () => {
  it('catalog rebuild', async () => {
    const { code, out } = await bench.run('catalog rebuild --site site2');
    expect(code).toBe(0);
    expect(out).toMatch(/Recovery points +\| 2/);
  });

  it('server quiesce and unquiesce', async () => {
    const { out } = await bench.run('server quiesce vm1 --site site1 --limit 60');
    expect(out).toMatch(/Frozen +\| yes/);
    expect(bench.world.protection.calls.at(-1)?.[4]).toEqual({ limitSeconds: 60 });
    expect((await bench.run('server unquiesce vm1 --site site1 -f value -c frozen')).out).toBe('false\n');
  });

  it('event watch goes on until Ctrl-C', async () => {
    await populate(bench.world);
    bench.world.jobs.add({ id: 'j', labels: { project: 'Default/vnf' } });
    bench.world.jobs.emit('j', 'log', { message: 'first' });
    const watched = bench.run('event watch --after 0 -f json', {
      interrupt: (press) => void expect.poll(() => bench.world.jobs.watchers).toBe(1).then(async () => {
        bench.world.jobs.emit('j', 'log', { message: 'second' });
        await new Promise((r) => setTimeout(r, 50));
        press();
      }),
    });
    const { code, out } = await watched;
    expect(code).toBe(130);
    expect(out.trim().split('\n').map((l) => (json(l) as { data: { message: string } }).data.message)).toEqual(['first', 'second']);
  });

  it('yaml is what json is', async () => {
    await populate(bench.world);
    expect(parse((await bench.run('group show vnf -f yaml')).out)).toEqual(json((await bench.run('group show vnf -f json')).out));
  });

  it('completion offers commands, and a script for the shell', async () => {
    expect((await bench.run(['__complete', 'rec'])).out.split('\n')).toEqual(['recovery-point', 'recover', '']);
    expect((await bench.run('completion bash')).out).toContain('complete -o default -F _godwit godwit');
    expect((await bench.run('completion fish')).code).toBe(2);
  });
});
