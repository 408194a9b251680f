import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { connect as connectTcp, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { adoptStar, godwitOk, login, loginOf, mendLab, nodeAddress, nodesOf, projectRoot, startController, validate, type KeystoneAddress, type Lab } from '@godwit/lab';
import { median, table, type Bench } from './types.ts';

const emulated = Number(process.env['GODWIT_BENCH_AGENTS'] ?? 1_000);
/** Of the WAN link, each way, ms: between cities of one continent. */
const delayMs = 20;

interface Rotated {
  readonly seconds: number;
  readonly nodes: number;
}

interface Validations {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
}

/** Rotation over the real nodes and over emulated ones; validation at home and across a WAN; what an agent weighs. */
export const identityBench: Bench = async (lab, { say, rounds = 5 }) => {
  await mendLab(lab);
  const controller = await startController(lab);
  const cli = { url: controller.url, cloud: 'm1-godwit' };
  let real: Rotated[] = [];
  let agents: { rssMiB: number; pssMiB: number }[];
  try {
    say('The star in Godwit’s care …');
    await adoptStar(lab, cli);
    say(`${rounds} rotations over the real nodes …`);
    for (let i = 0; i < rounds; i += 1) real = [...real, await godwitOk<Rotated>(lab, cli, 'identity', 'rotate')];
    agents = agentMemory();
  } finally {
    await controller.stop();
  }
  const home = nodesOf(lab).find((n) => n.name === 's3-1');
  const master = nodesOf(lab).find((n) => n.name === 'm1-1');
  if (!home || !master) throw new Error('the star has no s3-1 or m1-1');
  say('Validations at home, and across the WAN …');
  const atHome = await validations(lab, nodeAddress(home));
  const far = await delayed(nodeAddress(master), delayMs);
  const across = await validations(lab, far.address).finally(far.close);
  say(`A rotation over ${emulated} emulated agents …`);
  const thousand = await emulatedRotation(lab, say);
  const rotation = median(real.map((r) => r.seconds));
  const [rss, pss] = [median(agents.map((a) => a.rssMiB)), median(agents.map((a) => a.pssMiB))];
  const text = [
    table([
      ['', 'nodes', 'a rotation, s'],
      ['real Keystone nodes', String(real[0]?.nodes ?? 0), rotation.toFixed(1)],
      ['emulated agents', String(thousand.nodes), thousand.seconds.toFixed(1)],
    ]),
    '',
    table([
      ['', 'validations a second, four callers', 'one caller: median, ms', '95 of 100 within, ms'],
      ['at home', atHome.perSecond.toFixed(1), atHome.p50Ms.toFixed(0), atHome.p95Ms.toFixed(0)],
      [`across the WAN (${2 * delayMs} ms there and back)`, across.perSecond.toFixed(1), across.p50Ms.toFixed(0), across.p95Ms.toFixed(0)],
    ]),
    '',
    `An agent: ${rss.toFixed(0)} MiB resident, ${pss.toFixed(0)} MiB its share (aim: under 60 MB). Emulated agents enrolled in ${thousand.enrolSeconds.toFixed(0)} s.`,
  ].join('\n');
  return { name: 'identity', text, figures: { real, thousand, atHome, across, delayMs, agents } };
};

/** How long one takes, of a caller who is alone; and how many go through when four call. */
async function validations(lab: Lab, to: KeystoneAddress): Promise<Validations> {
  const token = await login(to, loginOf(lab, 's3'));
  await called(to, token, 1, 2_000);
  const alone = await called(to, token, 1, 15_000);
  const four = await called(to, token, 4, 15_000);
  return { perSecond: four.length / 15, p50Ms: median(alone), p95Ms: alone[Math.floor(alone.length * 0.95)] ?? 0 };
}

/** Each request has a connection of its own, as uWSGI closes after each. Answers how long each took, ms, ascending. */
async function called(to: KeystoneAddress, token: string, callers: number, forMs: number): Promise<number[]> {
  const took: number[] = [];
  const until = Date.now() + forMs;
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (Date.now() < until) {
        const begun = performance.now();
        const status = await validate(to, token);
        if (status !== 200) throw new Error(`${to.name} answered ${status} to a valid token`);
        took.push(performance.now() - begun);
      }
    }),
  );
  return took.sort((a, b) => a - b);
}

/** A relay that holds back every byte, and the connection itself for one round trip, by a fixed time: the lab's WAN has no delay of its own, and this kernel no netem. */
async function delayed(to: KeystoneAddress, ms: number): Promise<{ readonly address: KeystoneAddress; close(): void }> {
  const later = (from: Socket, into: Socket): void => {
    from.on('data', (d: Buffer) => void setTimeout(() => into.destroyed || into.write(d), ms));
    from.on('end', () => void setTimeout(() => into.end(), ms));
    from.on('error', () => into.destroy());
  };
  const server = createServer({ allowHalfOpen: true }, (near) => {
    near.pause();
    // The handshake of TCP costs a round trip before the first byte.
    setTimeout(() => {
      const far = connectTcp({ host: to.host, port: to.port, allowHalfOpen: true });
      later(near, far);
      later(far, near);
      near.resume();
    }, 2 * ms);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the relay has no port');
  return { address: { name: `${to.name} across the WAN`, host: '127.0.0.1', port: address.port }, close: () => void server.close() };
}

/** Of the agents that run in the lab's sites. */
function agentMemory(): { rssMiB: number; pssMiB: number }[] {
  return readdirSync('/proc').filter((p) => /^\d+$/.test(p)).flatMap((pid) => {
    try {
      const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      if (!argv[0]?.endsWith('/node') || !argv.includes('/opt/godwit/dist/godwit-agent.mjs')) return [];
      const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
      const of = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? NaN) / 1024;
      return [{ rssMiB: of('Rss'), pssMiB: of('Pss') }];
    } catch {
      return [];
    }
  });
}

/** A controller of its own whose first site has as many nodes as there are agents; no Keystone takes part in a rotation. */
async function emulatedRotation(lab: Lab, say: (text: string) => void): Promise<Rotated & { enrolSeconds: number }> {
  const port = 8795;
  const hub = `${lab.topology.wan.ops}:8796`;
  const controller = await startController(lab, {
    name: 'thousand',
    port,
    configure: (config) => {
      config['agents'] = { listen: hub, reportSeconds: 5 };
      const identity = config['identity'] as { sites: Record<string, { nodes: object[] }> };
      const m1 = identity.sites['m1'];
      if (!m1) throw new Error('no m1');
      identity.sites = { m1: { ...m1, nodes: Array.from({ length: emulated }, (_, i) => ({ name: `e${i}`, address: `127.1.${i >> 8}.${i & 255}:5000`, ready: `127.1.${i >> 8}.${i & 255}:8792`, database: `127.1.${i >> 8}.${i & 255}:3306` })) } };
    },
  });
  const who = loginOf(lab, 'm1-godwit');
  const begun = Date.now();
  const child = spawn(process.execPath, ['--import', 'tsx', join(projectRoot, 'bench', 'src', 'emulated-agents.ts')], {
    cwd: projectRoot, stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, EMULATED: JSON.stringify({ url: controller.url, controller: hub, site: 'm1', prefix: 'e', count: String(emulated), cloudUrl: lab.cloud('m1-godwit').auth.auth_url, ...who }) },
  });
  try {
    await new Promise<void>((resolve, reject) => {
      child.stdout.on('data', (d: Buffer) => {
        if (d.toString().includes('ready')) resolve();
      });
      child.on('exit', (code) => {
        reject(new Error(`the emulated agents ended with ${String(code)}`));
      });
    });
    const enrolSeconds = (Date.now() - begun) / 1_000;
    say(`${emulated} agents are enrolled`);
    const cli = { url: controller.url, cloud: 'm1-godwit' };
    await godwitOk(lab, cli, 'identity', 'adopt', 'e0', '--yes');
    const all: Rotated[] = [];
    for (let i = 0; i < 3; i += 1) all.push(await godwitOk<Rotated>(lab, cli, 'identity', 'rotate'));
    return { seconds: median(all.map((r) => r.seconds)), nodes: all[0]?.nodes ?? 0, enrolSeconds };
  } finally {
    child.stdin.end();
    await controller.stop();
  }
}
