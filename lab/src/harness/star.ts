import { afterAll, beforeAll } from 'vitest';
import { openLab, type Lab } from '../index.ts';
import { agentCommand, agentState } from '../star/agent.ts';
import type { StarNode } from '../star/plan.ts';
import { startController, type Controller, type ControllerOptions } from './controller.ts';
import { godwit, godwitOk, type CliOptions, type CliResult } from './godwit.ts';
import { ask, nodesOf, readyAddress } from './keystone.ts';
import { eventually } from './wait.ts';

/** Of `godwit identity status -f json`, what scenarios look at. */
export interface StarView {
  readonly ok: boolean;
  readonly keys: readonly { readonly kind: string; readonly generation: number; readonly phase: string; readonly proven: boolean; readonly keys: readonly { readonly index: number; readonly role: string; readonly sha256: string; readonly neededUntil?: string }[] }[];
  readonly sites: readonly { readonly name: string; readonly state: string; readonly nodes: readonly StarViewNode[] }[];
  readonly conditions: readonly { readonly scope: string; readonly type: string; readonly status: string; readonly reason: string; readonly message: string }[];
  readonly probe: { readonly cells: readonly { readonly from: string; readonly to: string; readonly ok: boolean }[] };
}

export interface StarViewNode {
  readonly name: string;
  readonly connected: boolean;
  readonly ready?: boolean;
  readonly reasons: readonly string[];
  readonly keys: Readonly<Record<string, { readonly generation: number; readonly inPlace: boolean; readonly text: string }>>;
  readonly database?: { readonly role: string; readonly state: string; readonly source?: string; readonly detour: boolean; readonly gtid?: string; readonly lagSeconds?: number };
}

export interface Rotated {
  readonly generation: number;
  readonly primary: number;
  readonly keys: number;
  readonly nodes: number;
  readonly dropped: number;
  readonly seconds: number;
}

/** A star in Godwit's care: agents enrolled, keys adopted, all sites but the joining one joined, HAProxy as rendered. */
export interface StarScenario {
  readonly lab: Lab;
  readonly nodes: readonly StarNode[];
  controller(): Controller;
  restart(options?: ControllerOptions & { readonly how?: 'kill' | 'stop' }): Promise<Controller>;
  /** Whose Keystone the command line logs in at: another, when a site is dead. */
  as(site: string): void;
  cli(...args: string[]): Promise<CliResult>;
  ok<T>(...args: string[]): Promise<T>;
  /** Rotates and waits for the end, through an hour in which Keystones are too busy to check the caller's own token in time. */
  rotate(kind?: 'fernet' | 'credential'): Promise<Rotated>;
  status(): Promise<StarView>;
  node(name: string): Promise<StarViewNode>;
}

/** Enrols a node's agent by a one-time token and starts it; one that is enrolled is only started. */
export async function enrolAgent(lab: Lab, cli: CliOptions, node: StarNode, enrolled: readonly string[] = []): Promise<void> {
  const n = node.number;
  const site = node.site.name;
  const service = `agent-${String(n)}`;
  if (!enrolled.includes(node.name)) {
    const made = await godwitOk<{ token: string }>(lab, cli, 'agent', 'token', 'create', '--site', site, '--role', 'keystone', '--name', node.name);
    await lab.stopService(site, service);
    await lab.exec(site, ['sh', '-c', `rm -rf "$0"; install -d -o keystone -g keystone -m 700 "$0"`, agentState(n)]);
    lab.configureService(site, service);
    const done = await lab.exec(site, agentCommand(n, 'enrol', '--url', `${lab.topology.wan.ops}:8791`, '--token-file', '-', '--name', node.name), { user: 'keystone', input: made.token });
    if (done.code !== 0) throw new Error(`enrolment of ${node.name}: ${done.stderr}${done.stdout}`);
  }
  await lab.startService(site, service);
}

/** HAProxy of a site as Godwit renders it; reloaded, so that connections go on. */
export async function applyHaproxy(lab: Lab, cli: CliOptions, site: string): Promise<void> {
  const text = (await godwitOk<{ text: string }[]>(lab, cli, 'identity', 'render', 'haproxy', '--site', site))[0]?.text ?? '';
  const wrote = await lab.exec(site, ['sh', '-c', 'cat >/etc/haproxy/keystone.new && haproxy -c -q -f /etc/haproxy/keystone.new && mv /etc/haproxy/keystone.new /etc/haproxy/keystone.cfg && pkill -USR2 -o haproxy'], { input: text });
  if (wrote.code !== 0) throw new Error(`HAProxy at ${site} does not take what was rendered:\n${wrote.stderr}${wrote.stdout}`);
}

/** Whether HAProxy would send this node requests, as its agent says. */
export async function readyOf(node: StarNode): Promise<{ status: number; body: string }> {
  const { status, body } = await ask(readyAddress(node), 'GET', '/ready', { timeoutMs: 5_000 });
  return { status, body };
}

/** Everybody alive, every link there, every service running. */
export async function mendLab(lab: Lab): Promise<void> {
  const status = await lab.status();
  if (status.phase !== 'up') throw new Error('the lab is not up: npm run test:lab brings it up and runs these');
  await lab.heal();
  for (const site of status.sites) {
    if (!site.alive) await lab.reviveSite(site.site);
    else for (const s of site.services) if (!s.running) await lab.startService(site.site, s.service);
  }
}

/**
 * `godwit identity status`. It ends with 1 when something is not as it should be, which many a scenario has brought about; and with an error instead of a
 * status while no Keystone has the time to check the caller's own token.
 */
function statusOf(lab: Lab, cli: CliOptions): Promise<StarView> {
  return eventually('the star’s status', async () => {
    const view = (await godwit(lab, cli, 'identity', 'status')).json as Partial<StarView> | undefined;
    return view?.sites === undefined ? undefined : (view as StarView);
  }, { timeoutMs: 60_000, everyMs: 1_000 });
}

/** Takes the hand-made star into Godwit's care, from wherever an earlier scenario has left it. */
export async function adoptStar(lab: Lab, cli: CliOptions): Promise<void> {
  const status = (): Promise<StarView> => statusOf(lab, cli);
  const enrolled = (await godwitOk<{ name: string }[]>(lab, cli, 'agent', 'list')).map((a) => a.name);
  await Promise.all(nodesOf(lab, { joining: true }).map((node) => enrolAgent(lab, cli, node, enrolled)));
  await eventually('all agents to be connected', async () => (await godwitOk<{ connected: boolean }[]>(lab, cli, 'agent', 'list')).every((a) => a.connected), { timeoutMs: 60_000 });
  if ((await status()).keys.length < 2) await godwitOk(lab, cli, 'identity', 'adopt', 'm1-1', '--yes');
  for (const site of ['m2', 's3', 's4']) {
    if ((await status()).sites.find((s) => s.name === site)?.state !== 'member') await godwitOk(lab, cli, 'identity', 'join', site);
    await applyHaproxy(lab, cli, site);
  }
  await applyHaproxy(lab, cli, 'm1');
}

export function useStar(): StarScenario {
  const lab = openLab();
  let controller: Controller | undefined;
  let site = 'm1';
  const options = (): CliOptions => {
    if (!controller) throw new Error('no controller runs');
    return { url: controller.url, cloud: `${site}-godwit` };
  };
  const scenario: StarScenario = {
    lab,
    get nodes() {
      return nodesOf(lab);
    },
    controller: () => {
      if (!controller) throw new Error('no controller runs');
      return controller;
    },
    async restart({ how = 'kill', ...rest } = {}) {
      await (how === 'kill' ? controller?.kill() : controller?.stop());
      controller = await startController(lab, rest);
      return controller;
    },
    as(other) {
      site = other;
    },
    cli: (...args) => godwit(lab, options(), ...args),
    ok: (...args) => godwitOk(lab, options(), ...args),
    async rotate(kind = 'fernet') {
      const busy = (r: CliResult): boolean => /GW_IDENTITY_UNREACHABLE|GW_KEYSTONE_UNREACHABLE/.test(r.stderr + r.stdout);
      const id = await eventually('a rotation to begin', async () => {
        const r = await scenario.cli('identity', 'rotate', '--kind', kind, '--no-wait');
        if (r.code === 0) return (r.json as { jobId: string }).jobId;
        if (busy(r)) return undefined;
        throw new Error(r.stderr + r.stdout);
      }, { timeoutMs: 120_000, everyMs: 1_000 });
      const job = await eventually('the rotation to end', async () => {
        const found = (await scenario.cli('job', 'show', id)).json as { state?: string; result?: Rotated; error?: unknown } | undefined;
        return ['succeeded', 'failed', 'cancelled'].includes(found?.state ?? '') ? found : undefined;
      }, { timeoutMs: 600_000, everyMs: 500 });
      if (job.state !== 'succeeded' || !job.result) throw new Error(`rotation ${id}: ${JSON.stringify(job)}`);
      return job.result;
    },
    status: () => statusOf(lab, options()),
    async node(name) {
      const found = (await scenario.status()).sites.flatMap((s) => s.nodes).find((n) => n.name === name);
      if (!found) throw new Error(`the status has no node ${name}`);
      return found;
    },
  };
  beforeAll(async () => {
    await mendLab(lab);
    controller = await startController(lab);
    await adoptStar(lab, options());
    await eventually('the star to be well', async () => (await scenario.status()).ok, { timeoutMs: 180_000, everyMs: 2_000 });
  }, 15 * 60_000);
  afterAll(async () => {
    await controller?.stop();
  }, 120_000);
  return scenario;
}
