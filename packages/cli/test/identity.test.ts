import { GodwitError } from '@godwit/sites';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Bench, makeBench, playJobs } from './harness.ts';

let bench: Bench;
beforeEach(async () => (bench = await makeBench()));
afterEach(() => bench.close());
const run = (line: string, options = {}) => bench.run(line, { as: 'admin', ...options });

describe('godwit identity', () => {
  it('status shows keys, nodes, the matrix; ends with 1 when something is wrong, and says what', async () => {
    const good = await run('identity status');
    expect([good.code, good.out]).toEqual([0, expect.stringMatching(/fernet[^]*m1-k1[^]*10-1-42[^]*Tokens of[^]*12 ms[^]*refused after: m1 30 ms, s3 80 ms/)]);
    bench.world.identity.ok = false;
    const bad = await run('identity status');
    expect([bad.code, bad.out]).toEqual([1, expect.stringMatching(/NO: address[^]*s3 NOT AT ALL[^]*node s3-k1[^]*AgentAway/)]);
    const json = JSON.parse((await run('identity status -f json')).out) as { ok: boolean; sites: unknown[] };
    expect([json.ok, json.sites.length]).toEqual([false, 1]);
  });

  it('rotate waits for the job and shows what came of it; --dry-run says what would be done, and ends with 5 when refused', async () => {
    playJobs(bench.world, [['progress', { phase: 'ProvingStaged', done: 1, total: 6 }]], { state: 'succeeded', result: { kind: 'fernet', generation: 10, primary: 4, keys: 5, nodes: 6, dropped: 1, seconds: 3.2 } });
    const done = await run('identity rotate');
    expect([done.code, done.out, done.err]).toEqual([0, expect.stringMatching(/Generation\s+\| 10/), expect.stringContaining('ProvingStaged')]);
    expect((await run('identity rotate --kind credential --no-wait')).code).toBe(0);
    expect(bench.world.identity.calls).toEqual([['rotate', 'fernet'], ['rotate', 'credential']]);
    expect(await run('identity rotate --dry-run')).toMatchObject({ code: 0, out: expect.stringContaining('1. stage a new key') as string });
    bench.world.identity.findings = [{ code: 'GW_KEY_LIMIT', message: 'no room' }];
    expect(await run('identity rotate --dry-run')).toMatchObject({ code: 5, out: expect.stringContaining('GW_KEY_LIMIT') as string });
    expect((await run('identity rotate --kind other')).code).toBe(2);
  });

  it('a rotation that is refused because one is under way ends with 1 and names it', async () => {
    bench.world.identity.failure = new GodwitError('GW_ROTATION_RUNNING', 'terminal', 'the fernet keys are being rotated already: job abc', { action: 'godwit job watch abc shows it.' });
    expect(await run('identity rotate')).toMatchObject({ code: 1, err: expect.stringContaining('error GW_ROTATION_RUNNING: the fernet keys are being rotated already: job abc\n  what to do: godwit job watch abc') as string });
  });

  it('join, leave, repoint, restore, adopt begin their jobs; what cannot be taken back is asked about', async () => {
    playJobs(bench.world, [], { state: 'succeeded', result: {} });
    for (const line of ['join s5', 'leave m1 --lost --yes', 'repoint s3-k1 --to m2', 'repoint s3-k1 --seed', 'restore s3-k1 --yes', 'adopt m1-k1 --yes']) expect([line, (await run(`identity ${line}`)).code]).toEqual([line, 0]);
    expect(bench.world.identity.calls).toEqual([['join', 's5'], ['leave', 'm1', { lost: true }], ['repoint', 's3-k1', { to: 'm2', seed: false }], ['repoint', 's3-k1', { seed: true }], ['restore', 's3-k1'], ['adopt', { node: 'm1-k1' }]]);
    const declined = await run('identity leave m1', { answer: false });
    expect([declined.code, declined.asked]).toEqual([1, [expect.stringContaining('Take m1 out of the star?')]]);
    expect((await run('identity join mars')).code).toBe(4);
    expect(await run('identity join s5 --dry-run')).toMatchObject({ code: 0 });
    expect((await run('identity join s5', { as: 'member' })).code).toBe(3);
  });

  it('probe and check end with 1 when something is refused', async () => {
    expect((await run('identity probe')).code).toBe(0);
    expect((await run('identity probe --revocation m1')).code).toBe(0);
    expect((await run('identity check --site s3')).code).toBe(0);
    bench.world.identity.ok = false;
    expect(await run('identity probe')).toMatchObject({ code: 1, out: expect.stringContaining('does not accept the token') as string });
    expect((await run('identity probe --revocation m1')).code).toBe(1);
    expect(await run('identity check --site s3')).toMatchObject({ code: 1, out: expect.stringContaining('GW_WRITE_ASTRAY') as string });
  });

  it('render prints the text as it is, of one or of all', async () => {
    expect((await run('identity render haproxy --site s3')).out).toBe('# haproxy of s3\n');
    expect((await run('identity render --site s3')).out).toBe('# haproxy of s3\n\n# keystone of s3\n\n# authtoken of s3\n\n# mariadb of s3\n');
    expect((await run('identity render nonsense --site s3')).code).toBe(2);
  });
});
