import type { Cloud, Port } from '@godwit/openstack';
import { afterAll, beforeAll } from 'vitest';
import { openLab, type Lab } from '../index.ts';
import { connect } from './clouds.ts';
import { startController, type Controller } from './controller.ts';
import { godwit, godwitOk, type CliResult } from './godwit.ts';
import { clearPlugged, plug, unplug, type Plugged, type PlugOptions } from './plugged.ts';
import { eventually } from './wait.ts';

/** Everything of these scenarios has such a name: a lab may hold other things. */
export const prefix = 'net-';

export interface StretchedView {
  readonly id: string;
  readonly name: string;
  readonly vni: number;
  readonly mtu: number;
  readonly sites: readonly { readonly site: string; readonly networkId: string; readonly gateway: string | null; readonly vni?: number }[];
  readonly lastReport?: { readonly inStep: boolean; readonly drift: readonly DriftView[]; readonly history: readonly DriftView[]; readonly findings: readonly unknown[] };
}
interface DriftView {
  readonly site: string;
  readonly what: string;
  readonly repaired: boolean;
}
export interface RemotePortView {
  readonly id: string;
  readonly site: string;
  readonly from: string;
  readonly source: string;
  readonly ips: readonly string[];
  readonly vtep?: string;
  readonly agent: string;
  readonly status: string;
  readonly bound: boolean;
}

/** Two sites, a controller of their own with an empty database, namespaces in the place of VMs. */
export interface StretchScenario {
  readonly lab: Lab;
  /** Of clouds.yaml; with `project` for another of the user's. */
  cloud(name: string, project?: string): Promise<Cloud>;
  controller(): Controller;
  stopController(): Promise<void>;
  startController(): Promise<void>;
  cli(...args: string[]): Promise<CliResult>;
  ok<T>(...args: string[]): Promise<T>;
  as<T>(cloud: string, ...args: string[]): Promise<T>;
  /** `site`'s part of a stretched network gets something that stands for a VM; taken away at the end. */
  plug(network: StretchedView, site: string, name: string, options?: Omit<PlugOptions, 'networkId' | 'name'> & { readonly project?: string }): Promise<Plugged>;
  unplug(p: Plugged, project?: string): Promise<void>;
  /** Its remote ports, once they are ACTIVE at all other sites. */
  mirrored(p: Plugged, project?: string): Promise<Port[]>;
}

export interface StretchOptions {
  /** Default: the two of two-site. */
  readonly sites?: readonly string[];
  /** Of the controller, before its start. */
  readonly configure?: (config: Record<string, unknown>, lab: Lab) => void;
}

export function useStretch({ sites = ['site1', 'site2'], configure }: StretchOptions = {}): StretchScenario {
  const lab = openLab();
  const clouds = new Map<string, Cloud>();
  let controller: Controller | undefined;
  const options = (cloud = 'site1') => {
    if (!controller) throw new Error('no controller runs');
    return { url: controller.url, cloud };
  };
  const cloud = async (name: string, project?: string): Promise<Cloud> => {
    const key = `${name}/${project ?? ''}`;
    const known = clouds.get(key) ?? (await connect(lab, name, project));
    clouds.set(key, known);
    return known;
  };
  const as = <T>(name: string, ...args: string[]): Promise<T> => godwitOk<T>(lab, options(name), ...args);
  const start = async (keepDatabase: boolean): Promise<void> => {
    controller = await startController(lab, { name: 'network', port: 8_794, keepDatabase, ...(configure && { configure: (config) => configure(config, lab) }) });
  };
  beforeAll(async () => {
    const status = await lab.status();
    if (status.phase !== 'up') throw new Error('the lab is not up: npm run test:lab brings it up and runs these');
    await lab.heal();
    for (const site of status.sites) {
      if (!site.alive) await lab.reviveSite(site.site);
      else for (const s of site.services) if (!s.running) await lab.startService(site.site, s.service);
    }
    for (const site of sites) await servesOther(cloud, site);
    await clear();
    await start(false);
  }, 15 * 60_000);
  afterAll(async () => {
    await controller?.stop();
    await clear();
    await Promise.all([...clouds.values()].map((c) => c.close()));
  }, 180_000);

  async function clear(): Promise<void> {
    await Promise.all(sites.map(async (site) => {
      await clearPlugged(lab, site);
      for (const project of ['vnf', 'other']) {
        const { network } = await cloud(`${site}-godwit`, project);
        const nets = (await network.networks.list()).filter((n) => n.name.startsWith(prefix));
        for (const { id } of nets) {
          for (const port of await network.ports.list({ network_id: id })) await network.ports.delete(port.id).catch(() => undefined);
          await network.networks.delete(id);
        }
        for (const g of (await network.securityGroups.list()).filter((x) => x.name.startsWith(prefix))) await network.securityGroups.delete(g.id);
        for (const a of await network.agents.list()) if (a.host.startsWith('godwit-')) await network.agents.delete(a.id).catch(() => undefined);
      }
    }));
  }

  return {
    lab, cloud, as,
    controller: () => {
      if (!controller) throw new Error('no controller runs');
      return controller;
    },
    async stopController() {
      await controller?.stop();
    },
    startController: () => start(true),
    cli: (...args) => godwit(lab, options(), ...args),
    ok: (...args) => as('site1', ...args),
    async plug(network, site, name, { project = 'vnf', ...rest } = {}) {
      const networkId = network.sites.find((s) => s.site === site)?.networkId ?? '';
      return plug(lab, site, await cloud(`${site}-godwit`, project), { networkId, name, mtu: network.mtu, ...rest });
    },
    unplug: async (p, project = 'vnf') => unplug(lab, await cloud(`${p.site}-godwit`, project), p),
    async mirrored(p, project = 'vnf') {
      const others = sites.filter((site) => site !== p.site);
      return Promise.all(others.map(async (site) => {
        const { network } = await cloud(`${site}-godwit`, project);
        return eventually(`${site} to have a remote port for ${p.name}`, async () => {
          const [port] = await network.ports.list({ device_id: p.port.id, device_owner: 'godwit:remote' });
          return port?.status === 'ACTIVE' ? port : undefined;
        }, { timeoutMs: 120_000, everyMs: 200 });
      }));
    },
  };
}

/** Godwit's user serves the project `other` too. */
async function servesOther(cloud: (name: string) => Promise<Cloud>, site: string): Promise<void> {
  const { identity } = await cloud(`${site}-admin`);
  const [user, project] = [await identity.users.find('godwit'), await identity.projects.find('other')];
  for (const name of ['member', 'admin']) {
    const role = await identity.roles.find(name);
    await identity.assignments.grant({ userId: user?.id ?? '', projectId: project?.id ?? '', roleId: role?.id ?? '' });
  }
}
