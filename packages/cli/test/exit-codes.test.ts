import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { GodwitError } from '@godwit/sites';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Fetch } from '../src/index.ts';
import { keystoneLogin } from '../src/login.ts';
import { type Bench, makeBench, playJobs, populate } from './harness.ts';

let bench: Bench;
beforeEach(async () => (bench = await makeBench()));
afterEach(() => bench.close());

describe('2: wrong use', () => {
  it.each([
    'frobnicate',
    'group create',
    'group create g --site site1 --recovery-site site2',
    'group create g --site site1 --recovery-site site2 --member vm1 --freeze-limit 1000',
    'recover vnf',
    'group list --colour red',
    'group list -f xml',
    'group list -c nonsense',
    'server quiesce vm1 --site site1 --limit ten',
    'protect',
    'protect a b',
  ])('%s', async (line) => {
    const { code, err } = await bench.run(line);
    expect(code).toBe(2);
    expect(err).toContain('error GW_USAGE');
  });

  it('as JSON with -f json', async () => {
    for (const line of ['group create -f json', '--format=json frobnicate', 'group list -c nonsense -f json']) {
      const { code, err } = await bench.run(line);
      expect([code, JSON.parse(err.split('\n')[0] ?? '')]).toEqual([2, expect.objectContaining({ code: 'GW_USAGE' })]);
    }
  });

  it('what the server finds wrong in a request', async () => {
    const { code, err } = await bench.run(['group', 'create', 'no spaces', '--site', 'site1', '--recovery-site', 'site2', '--member', 'vm1']);
    expect([code, err]).toEqual([2, expect.stringContaining('error GW_INVALID_REQUEST: name: ')]);
  });

  it('a URL that is none', async () => {
    expect((await bench.run('group list --godwit-url nowhere')).code).toBe(2);
  });
});

describe('3: not authenticated, or not allowed', () => {
  it.each([
    ['group list', 'norole', 'GW_ROLE_REQUIRED'],
    ['site check site1', 'member', 'GW_ROLE_REQUIRED'],
    ['protect vnf', 'reader', 'GW_ROLE_REQUIRED'],
    ['group list', 'unscoped', 'GW_NO_PROJECT'],
    ['group list', 'forged' as 'reader', 'GW_TOKEN_INVALID'],
  ] as const)('%s as %s', async (line, as, code) => {
    expect(await bench.run(line, { as })).toMatchObject({ code: 3, err: expect.stringContaining(code) as string });
  });

  it('no Keystone of the server’s answers', async () => {
    for (const k of Object.values(bench.world.sites.keystones)) k.mode = 'dead';
    expect(await bench.run('group list')).toMatchObject({ code: 3, err: expect.stringContaining('GW_IDENTITY_UNREACHABLE') as string });
  });
});

describe('4: there is none', () => {
  it.each([
    ['group show nope', 'GW_GROUP_UNKNOWN'],
    ['protect nope', 'GW_GROUP_UNKNOWN'],
    ['group delete nope', 'GW_GROUP_UNKNOWN'],
    ['recover nope --to site2', 'GW_GROUP_UNKNOWN'],
    ['recover vnf --to mars', 'GW_SITE_UNKNOWN'],
    ['site show mars', 'GW_SITE_UNKNOWN'],
    ['catalog rebuild --site mars', 'GW_SITE_UNKNOWN'],
    ['server quiesce vm1 --site mars', 'GW_SITE_UNKNOWN'],
    ['recovery-point show nope', 'GW_POINT_UNKNOWN'],
    ['job show nope', 'GW_JOB_UNKNOWN'],
    ['job watch nope', 'GW_JOB_UNKNOWN'],
    ['job cancel nope', 'GW_JOB_UNKNOWN'],
  ])('%s', async (line, code) => {
    await populate(bench.world);
    expect(await bench.run(line)).toMatchObject({ code: 4, err: expect.stringContaining(`error ${code}`) as string });
  });

  it('an error says what, where and what to do; with -f json as JSON', async () => {
    expect((await bench.run('site show mars')).err).toBe('error GW_SITE_UNKNOWN: there is no site mars\n  what to do: Sites known here: site1, site2.\n');
    expect(JSON.parse((await bench.run('site show mars -f json')).err)).toMatchObject({ code: 'GW_SITE_UNKNOWN', site: 'mars', kind: 'terminal' });
  });
});

describe('1: failed', () => {
  it('refused by the server', async () => {
    bench.world.protection.failure = new GodwitError('GW_GROUP_EXISTS', 'terminal', 'this project has a group vnf already', { resource: 'group vnf' });
    expect((await bench.run('group list')).code).toBe(1);
  });

  it('a defect of the server is named by its id in the log', async () => {
    bench.world.protection.failure = new Error('boom');
    const { code, err } = await bench.run('group list');
    expect(code).toBe(1);
    expect(bench.world.logged()).toContain(/log id: (\S+)/.exec(err)?.[1]);
  });
});

describe('6: godwit-server does not answer', () => {
  it('nobody listens', async () => {
    const { code, err } = await bench.run('group list --godwit-url http://127.0.0.1:9');
    expect([code, err]).toEqual([6, expect.stringMatching(/GW_SERVER_UNREACHABLE: godwit-server at http:\/\/127.0.0.1:9 does not answer: \S+/)]);
  });

  it('something else listens', async () => {
    const other = createServer((_q, a) => a.end('<html>')).listen(0, '127.0.0.1');
    await new Promise((r) => other.once('listening', r));
    const { port } = other.address() as AddressInfo;
    expect((await bench.run(`group list --godwit-url http://127.0.0.1:${port}`)).code).toBe(6);
    other.close();
  });
});

describe('130: Ctrl-C', () => {
  it('stops the watching, says how to go on, and leaves the job alone', async () => {
    await populate(bench.world);
    const { code, err } = await bench.run('protect vnf', {
      interrupt: (press) => void expect.poll(() => bench.world.jobs.watchers).toBe(1).then(press),
    });
    const id = /^job ([0-9a-f-]{36})$/m.exec(err)?.[1];
    expect(code).toBe(130);
    expect(err).toContain(`error GW_INTERRUPTED: stopped watching; job ${id} goes on\n  what to do: godwit job watch ${id} shows it again, godwit job cancel ${id} stops it.`);
    expect((await bench.world.jobs.get(id ?? ''))?.state).toBe('queued');
  });
});

describe('waiting', () => {
  it('survives breaks of the stream: no event is lost and none comes twice', async () => {
    await populate(bench.world);
    const acts = Array.from({ length: 30 }, (_, i) => ['log', { message: `line ${i}` }] as ['log', { message: string }]);
    playJobs(bench.world, acts, { state: 'succeeded', result: {} });
    let breaks = 0;
    const flaky: Fetch = async (url, init) => {
      const response = await (fetch as Fetch)(url, init);
      if (!url.endsWith('/events') || breaks >= 4 || !response.body) return response;
      breaks += 1;
      if (breaks === 1) throw new TypeError('fetch failed', { cause: new Error('ECONNRESET') });
      // Cut in the middle of an event.
      let left = 700 * breaks;
      const cut = new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          if (left < chunk.length) {
            controller.enqueue(chunk.slice(0, left));
            controller.error(new Error('terminated'));
          } else controller.enqueue(chunk);
          left -= chunk.length;
        },
      });
      return new Response(response.body.pipeThrough(cut), { status: 200 });
    };
    const { code, err } = await bench.run('protect vnf', { fetch: flaky });
    expect([code, breaks]).toEqual([0, 4]);
    expect([...err.matchAll(/line (\d+)/g)].map((m) => Number(m[1]))).toEqual(acts.map((_, i) => i));
  });
});

describe('credentials', () => {
  it('a cloud on the command line goes before a token of the environment, and its Keystone is named to the server', async () => {
    const seen: unknown[] = [];
    const sent: Record<string, string>[] = [];
    const { code } = await bench.run('--os-cloud mine group list', {
      login: (options) => {
        seen.push(options.cloud);
        return Promise.resolve({ token: 'tok-member', authUrl: 'http://site1.example:5000/v3' });
      },
      fetch: (url, init) => {
        sent.push(init.headers);
        return (fetch as Fetch)(url, init);
      },
    });
    expect([code, seen]).toEqual([0, ['mine']]);
    expect(sent).toEqual([expect.objectContaining({ 'x-auth-token': 'tok-member', 'x-auth-url': 'http://site1.example:5000/v3' })]);
    expect(bench.world.sites.keystone('site2').asked).toBe(0);
  });

  it('logs in once for a command of many requests', async () => {
    await populate(bench.world);
    playJobs(bench.world, [], { state: 'succeeded', result: {} });
    let logins = 0;
    await bench.run('protect vnf', { env: { OS_TOKEN: '' }, login: () => ((logins += 1), Promise.resolve({ token: 'tok-member' })) });
    expect(logins).toBe(1);
  });

  it('asks for a new token when the old one has expired while it waited', async () => {
    await populate(bench.world);
    let logins = 0;
    playJobs(bench.world, [], { state: 'succeeded', result: {} });
    const expired = JSON.stringify({ code: 'GW_TOKEN_INVALID', message: 'the token is refused', kind: 'terminal' });
    const { code } = await bench.run('protect vnf', {
      env: { OS_TOKEN: '' },
      login: () => Promise.resolve({ token: (logins += 1) === 1 ? 'tok-member' : 'tok-admin' }),
      fetch: async (url, init) => {
        if (url.endsWith('/events') && init.headers['x-auth-token'] === 'tok-member') return new Response(expired, { status: 401 });
        return (fetch as Fetch)(url, init);
      },
    });
    expect([code, logins]).toEqual([0, 2]);
  });

  const env = { HOME: '/nonexistent', OS_CLIENT_CONFIG_FILE: '/nonexistent' };
  const password = { OS_USERNAME: 'mark', OS_PASSWORD: 'hunter2', OS_PROJECT_NAME: 'vnf', OS_USER_DOMAIN_NAME: 'Default', OS_PROJECT_DOMAIN_NAME: 'Default' };

  it('a token that was never good is not asked for again', async () => {
    let logins = 0;
    const { code } = await bench.run('group list', { env: { OS_TOKEN: '' }, login: () => Promise.resolve({ token: `forged-${(logins += 1)}` }) });
    expect([code, logins]).toEqual([3, 1]);
  });

  it('no cloud is configured', async () => {
    expect(await bench.run('group list', { env: { OS_TOKEN: '', ...env }, login: (o) => keystoneLogin({ ...o, env }) })).toMatchObject({ code: 3, err: expect.stringContaining('GW_CLOUD_CONFIG') as string });
  });

  it.each([
    [401, 'GW_CREDENTIALS_REFUSED'],
    [0, 'GW_KEYSTONE_UNREACHABLE'],
  ])('Keystone answers %d', async (status, code) => {
    const keystone = createServer((_q, a) => a.writeHead(status, { 'content-type': 'application/json' }).end('{"error": {"message": "The request you have made requires authentication.", "code": 401}}'));
    await new Promise<void>((r) => keystone.listen(0, '127.0.0.1', r));
    const { port } = keystone.address() as AddressInfo;
    if (status === 0) await new Promise((r) => keystone.close(r));
    const all = { ...env, ...password, OS_AUTH_URL: `http://127.0.0.1:${port}/v3` };
    const ran = await bench.run('group list', { env: { OS_TOKEN: '' }, login: (o) => keystoneLogin({ ...o, env: all }) });
    expect(ran).toMatchObject({ code: 3, err: expect.stringContaining(code) as string });
    expect(ran.err).not.toContain('hunter2');
    keystone.close();
  });
});
