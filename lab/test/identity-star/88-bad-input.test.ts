import { describe, expect, it } from 'vitest';
import { eventually, login, loginOf, nodeAddress, validate } from '../../src/harness/index.ts';
import { readyOf, useStar } from '../../src/harness/star.ts';
import { keyFolder } from '../../src/star/plan.ts';

interface JobView {
  readonly state: string;
  readonly error?: { readonly code: string; readonly message: string };
  readonly waitingFor?: unknown;
}

/** Each fault: a code that says what it is, no living token refused by a node that serves, and a way back. */
describe('bad input and faults of a rotation', () => {
  const s = useStar();

  const job = async (id: string): Promise<JobView> => (await s.cli('job', 'show', id)).json as JobView;
  const ended = (id: string): Promise<JobView> =>
    eventually(`job ${id} to end`, async () => {
      const now = await job(id);
      return ['succeeded', 'failed', 'cancelled'].includes(now.state) ? now : undefined;
    }, { timeoutMs: 240_000, everyMs: 1_000 });
  const begin = async (): Promise<string> => (await s.ok<{ jobId: string }>('identity', 'rotate', '--no-wait')).jobId;
  const codeOf = async (...args: string[]): Promise<string> => JSON.stringify((await s.cli(...args)).json);
  const nodeNamed = (name: string) => {
    const found = s.nodes.find((n) => n.name === name);
    if (!found) throw new Error(`no node ${name}`);
    return found;
  };
  /** Tokens of every node, and where each is to be good. */
  async function tokens(): Promise<() => Promise<void>> {
    const issued: { name: string; token: string }[] = [];
    for (const node of s.nodes.map(nodeAddress)) issued.push({ name: node.name, token: await login(node, loginOf(s.lab, 's3')) });
    return async () => {
      for (const { name, token } of issued) for (const at of s.nodes.map(nodeAddress)) expect([name, at.name, await validate(at, token)]).toEqual([name, at.name, 200]);
    };
  }
  const well = () => eventually('the star to be well', async () => (await s.status()).ok, { timeoutMs: 180_000, everyMs: 1_000 });

  it('a foreign key: the node lets nobody in, a rotation is refused, restore puts the star’s keys back', async () => {
    const node = nodeNamed('s4-2');
    const folder = keyFolder(2, 'fernet');
    const put = await s.lab.exec('s4', ['sh', '-c', `head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\\n' >${folder}/999 && chown keystone:keystone ${folder}/999 && chmod 600 ${folder}/999`]);
    expect(put.code).toBe(0);
    await eventually('the node to say so', async () => {
      const ready = await readyOf(node);
      return ready.status === 503 && ready.body.includes('GW_AGENT_REPO_FOREIGN');
    }, { timeoutMs: 60_000 });
    await eventually('a rotation to be refused', async () => (await codeOf('identity', 'rotate', '--dry-run')).includes('GW_KEY_FOREIGN'), { timeoutMs: 60_000 });
    await s.ok('identity', 'restore', 's4-2', '--yes');
    await well();
    expect((await readyOf(node)).status).toBe(200);
  }, 10 * 60_000);

  it('a repository edited by hand is put right by itself, and the node serves nobody meanwhile', async () => {
    const check = await tokens();
    const folder = keyFolder(1, 'fernet');
    const spoilt = await s.lab.exec('s4', ['sh', '-c', `rm ${folder}/$(ls ${folder} | grep -E '^[0-9]+$' | sort -n | tail -1)`]);
    expect(spoilt.code).toBe(0);
    await eventually('the keys to be back', async () => (await s.node('s4-1')).keys['fernet']?.inPlace === true && (await readyOf(nodeNamed('s4-1'))).status === 200, { timeoutMs: 120_000 });
    await check();
  }, 10 * 60_000);

  it('two rotations at once: one is made, the other refused or the same', async () => {
    const answers = await Promise.all([s.cli('identity', 'rotate'), s.cli('identity', 'rotate')]);
    const good = answers.filter((a) => a.code === 0);
    expect(good.length).toBeGreaterThan(0);
    for (const bad of answers.filter((a) => a.code !== 0)) expect(bad.stderr + bad.stdout).toMatch(/GW_ROTATION_(RUNNING|PASSED)/);
    await well();
  }, 10 * 60_000);

  it('a node that is killed holds the rotation at a safe stage, and says so; it goes on when the node is back', async () => {
    const check = await tokens();
    await s.lab.stopService('s4', 'agent-2', { kill: true });
    const id = await begin();
    await eventually('the rotation to wait for it', async () => JSON.stringify((await s.cli('job', 'show', id)).json).includes('s4-2'), { timeoutMs: 120_000, everyMs: 1_000 });
    expect((await job(id)).state).toBe('running');
    expect((await s.status()).keys.find((k) => k.kind === 'fernet')?.phase).toBe('staged');
    await check();
    await s.lab.startService('s4', 'agent-2');
    expect((await ended(id)).state).toBe('succeeded');
    await check();
    await well();
  }, 10 * 60_000);

  it('a full disk at a node: nothing is promoted anywhere, the code says so, and it goes on when there is room', async () => {
    const check = await tokens();
    const folder = keyFolder(2, 'fernet');
    // The repository on a small file system of its own, with what lies in it.
    const small = await s.lab.exec('s3', ['sh', '-c', `set -e; cp -a ${folder} /run/keys.kept; mount -t tmpfs -o size=128k,nr_inodes=200,mode=700,uid=$(id -u keystone),gid=$(id -g keystone) tmpfs ${folder}; cp -a /run/keys.kept/. ${folder}/; rm -rf /run/keys.kept; dd if=/dev/zero of=${folder}/.filler bs=1k 2>/dev/null || true`]);
    expect(small.code, small.stderr).toBe(0);
    const id = await begin();
    try {
      await eventually('the rotation to wait for space', async () => /GW_AGENT_DISK_FULL|no space left/i.test(JSON.stringify((await s.cli('job', 'show', id)).json) + JSON.stringify(await s.status())), { timeoutMs: 120_000, everyMs: 1_000 });
      expect((await s.status()).keys.find((k) => k.kind === 'fernet')?.phase).toBe('staged');
      await check();
    } finally {
      await s.lab.exec('s3', ['rm', '-f', `${folder}/.filler`]);
    }
    expect((await ended(id)).state).toBe('succeeded');
    await s.lab.exec('s3', ['sh', '-c', `set -e; cp -a ${folder} /run/keys.kept; umount ${folder}; find ${folder} -mindepth 1 -delete; cp -a /run/keys.kept/. ${folder}/; rm -rf /run/keys.kept`]);
    await well();
  }, 10 * 60_000);

  it('the controller is killed at every boundary of a rotation; another takes it up, and no token is refused', async () => {
    // Tokens live for three minutes here: they are checked while they must be good, and replaced by new ones in time.
    let check = await tokens();
    let issued = Date.now();
    let checked = 0;
    for (const at of ['check', 'stage', 'prove-staged', 'promote', 'prove-promoted', 'prune'].flatMap((step) => [`identity-rotate:${step}:after-effect`, `identity-rotate:${step}:after-record`])) {
      const doomed = await s.restart({ crashAt: at });
      const id = await begin();
      await doomed.ended;
      await s.restart();
      expect([at, (await ended(id)).state]).toEqual([at, 'succeeded']);
      const age = Date.now() - issued;
      if (age < 120_000) {
        await check();
        checked++;
      }
      if (age > 60_000) [check, issued] = [await tokens(), Date.now()];
      console.log(`${at}: succeeded`);
    }
    expect(checked).toBeGreaterThan(0);
    await (await tokens())();
    await well();
  }, 30 * 60_000);
});
