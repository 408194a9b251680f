import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execOk } from '../host/exec.ts';
import { runDirOf } from '../lab.ts';
import type { Lab } from '../index.ts';
import { requireWan } from '../place/wan.ts';
import { projectRoot } from './controller.ts';
import { godwitOk, type CliOptions } from './godwit.ts';
import { eventually } from './wait.ts';

/** A border gateway: a network namespace on the underlay, with Godwit's agent beside it, in `ops`. */
export interface BorderNode {
  readonly name: string;
  readonly site: string;
  readonly siteAddress: string;
  readonly transitAddress: string;
  /** Of its network card: it stays, as Open vSwitch in user space believes for minutes what ARP once said of a tunnel end. */
  readonly mac: string;
}

export interface Border {
  readonly nodes: readonly BorderNode[];
  /** Enrols and starts all of them. */
  start(cli: CliOptions): Promise<void>;
  /** The agent alone is killed: the kernel carries on. */
  killAgent(node: BorderNode): Promise<void>;
  startAgent(node: BorderNode): Promise<void>;
  /** As by its power supply: the agent and its kernel are gone; what is on its disk stays. */
  powerOff(node: BorderNode): Promise<void>;
  powerOn(node: BorderNode): Promise<void>;
  /** A command in its namespace. */
  in(node: BorderNode, argv: readonly string[]): Promise<string>;
  close(): Promise<void>;
}

/** Offloads of a veth leave checksums to be filled in, which Open vSwitch in user space does not do. */
const offloads = `
import array, fcntl, socket, struct
s = socket.socket()
for cmd in (0x17, 0x1f, 0x24):
    a = array.array('B', struct.pack('II', cmd, 0))
    fcntl.ioctl(s, 0x8946, struct.pack('16sP', b'eth0', a.buffer_info()[0]))
`;

/** Two gateways for each site. */
export function borderOf(lab: Lab): Border {
  const folder = join(lab.paths.state, 'harness', 'border');
  const namespace = (node: BorderNode): string => `gwlab-${node.name}`;
  const nodes = lab.sites.flatMap(({ name }, i): BorderNode[] => ['a', 'b'].map((letter, n) => ({ name: `${name}-${letter}`, site: name, siteAddress: `10.21.${i + 1}.${250 + n}`, transitAddress: `10.21.200.${10 * (i + 1) + n}`, mac: `02:67:77:00:0${i + 1}:0${n + 1}` })));
  const agents = new Map<string, ChildProcess>();
  const root = (argv: readonly string[]): Promise<string> => execOk(argv, { what: argv.join(' ') });
  const inWan = (...argv: string[]): Promise<string> => root(['nsenter', `--net=/proc/${requireWan(runDirOf(lab.paths)).pid}/ns/net`, '--', ...argv]);
  const configFile = (node: BorderNode): string => join(folder, node.name, 'agent.json');

  async function makeNamespace(node: BorderNode): Promise<void> {
    const ns = namespace(node);
    await dropNamespace(node);
    await root(['ip', 'netns', 'add', ns]);
    await root(['ip', '-n', ns, 'link', 'set', 'lo', 'up']);
    await inWan('ip', 'link', 'add', 'name', `g${node.name}`.slice(0, 15), 'type', 'veth', 'peer', 'name', 'eth0', 'netns', ns);
    await inWan('ip', 'link', 'set', `g${node.name}`.slice(0, 15), 'master', 'br1', 'up');
    await root(['ip', '-n', ns, 'link', 'set', 'eth0', 'address', node.mac]);
    for (const address of [node.siteAddress, node.transitAddress]) await root(['ip', '-n', ns, 'addr', 'add', `${address}/16`, 'dev', 'eth0']);
    await root(['ip', 'netns', 'exec', ns, '/usr/bin/python3', '-c', offloads]);
    await root(['ip', '-n', ns, 'link', 'set', 'eth0', 'up']);
  }
  async function dropNamespace(node: BorderNode): Promise<void> {
    await root(['sh', '-c', `ip netns del ${namespace(node)} 2>/dev/null || true`]);
    await inWan('sh', '-c', `ip link del ${`g${node.name}`.slice(0, 15)} 2>/dev/null || true`);
  }
  const run = (node: BorderNode, ...args: string[]): { argv: string[]; env: Record<string, string> } => lab.spawnArgs('ops', [process.execPath, join(projectRoot, 'bin', 'godwit-agent.mjs'), ...args, '--config', configFile(node)]);

  async function startAgent(node: BorderNode): Promise<void> {
    const { argv, env } = run(node, 'run');
    agents.set(node.name, spawn(argv[0] ?? '', argv.slice(1), { env, stdio: ['ignore', 'ignore', 'inherit'] }));
    await Promise.resolve();
  }
  async function killAgent(node: BorderNode): Promise<void> {
    const child = agents.get(node.name);
    if (!child) return;
    agents.delete(node.name);
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }

  return {
    nodes, killAgent, startAgent,
    in: (node, argv) => root(['ip', 'netns', 'exec', namespace(node), ...argv]),
    async start(cli) {
      await Promise.all(nodes.map(async (node) => {
        await rm(join(folder, node.name), { recursive: true, force: true });
        await mkdir(join(folder, node.name, 'state'), { recursive: true, mode: 0o700 });
        await writeFile(configFile(node), JSON.stringify({ stateDir: join(folder, node.name, 'state'), logLevel: 'warn', gateway: { netns: namespace(node), site: { address: node.siteAddress }, transit: { address: node.transitAddress } } }));
        await makeNamespace(node);
      }));
      for (const node of nodes) {
        const { token } = await godwitOk<{ token: string }>(lab, cli, 'agent', 'token', 'create', '--site', node.site, '--role', 'gateway', '--name', node.name);
        const tokenFile = join(folder, node.name, 'token');
        await writeFile(tokenFile, token, { mode: 0o600 });
        const { argv } = run(node, 'enrol', '--url', `${lab.topology.wan.ops}:8791`, '--token-file', tokenFile, '--name', node.name);
        await root(argv);
        await startAgent(node);
      }
      await eventually('all border gateways to be there', async () => {
        const list = await godwitOk<{ state: string }[]>(lab, cli, 'gateway', 'list');
        return list.length === nodes.length && list.every((g) => g.state !== 'away') && list.filter((g) => g.state === 'active').length === lab.sites.length;
      }, { timeoutMs: 60_000 });
    },
    async powerOff(node) {
      // Frames end first: an agent that is killed tells nobody.
      await root(['ip', '-n', namespace(node), 'link', 'set', 'eth0', 'down']);
      await killAgent(node);
      await dropNamespace(node);
    },
    async powerOn(node) {
      await makeNamespace(node);
      await startAgent(node);
    },
    async close() {
      for (const node of nodes) {
        await killAgent(node);
        if (existsSync(`/run/netns/${namespace(node)}`)) await dropNamespace(node);
      }
    },
  };
}
