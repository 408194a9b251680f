import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Emulator, loadTopology, startEmulator, type Topology } from '@godwit/emulator';
import { type Cloud, createCloud, loadCloud } from '@godwit/openstack';

const root = join(import.meta.dirname, '..', '..', '..');

export interface EmulatedSites {
  readonly emulator: Emulator;
  /** godwit.yaml. */
  readonly configFile: string;
  /** An entry of clouds.yaml: `site1`, `site1-admin`, `site1-godwit`, `site1-auditor`, `site1-stranger`. */
  cloud(name: string): Promise<Cloud>;
  /** Passwords and the like, by what they are. */
  readonly secrets: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

export interface SitesOptions {
  readonly seed: number;
  readonly speed?: number;
  /** Room for very many groups at once: no quotas, a wide network, and guests that write less often. */
  readonly wide?: boolean;
}

/** The lab's two sites, emulated in this process: they outlive any controller, and can be looked into. */
export async function startSites(options: SitesOptions): Promise<EmulatedSites> {
  const dir = await mkdtemp(join(tmpdir(), 'gw-sites-'));
  const { seed, speed = 1_000, wide = false } = options;
  const lab = loadTopology(join(root, 'lab', 'topologies', 'two-site.yaml'));
  const emulator = await startEmulator({ topology: wide ? widened(lab) : lab, seed, speed, ...(wide && { writerMs: 200 }) });
  const files = emulator.writeConfig(dir);
  const clouds = new Map<string, Promise<Cloud>>();
  const cloud: EmulatedSites['cloud'] = (name) => {
    let made = clouds.get(name);
    if (made === undefined) {
      made = loadCloud({ cloud: name, env: {}, files: [files.clouds] }).then((config) => createCloud(config));
      clouds.set(name, made);
    }
    return made;
  };
  if (wide) {
    await Promise.all([...emulator.world.sites.keys()].map(async (site) => unlimited(await cloud(site), await cloud(`${site}-admin`))));
    await makeKnown(emulator, 'site1', await cloud('site2-admin'));
  }
  const secrets = Object.fromEntries(Object.entries(emulator.clouds()).map(([name, entry]) => [`the password of ${name}`, entry.auth.password]));
  return {
    emulator,
    configFile: files.godwit,
    secrets,
    cloud,
    async close() {
      await Promise.all([...clouds.values()].map(async (c) => (await c).close()));
      await emulator.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Cinder's quotas are the topology's; addresses are `10.50.UNIT.x`. */
const widened = (lab: Topology): Topology => ({
  ...lab,
  projects: { ...lab.projects, vnf: { quotas: { volumes: -1, snapshots: -1, backups: -1, gigabytes: -1, backup_gigabytes: -1, groups: -1 } } },
  networks: lab.networks.map((n) => ({ ...n, subnet: { ...n.subnet, cidr: '10.50.0.0/16', gateway: '10.50.255.254', pool: ['10.50.250.1', '10.50.250.250'] } })),
});

async function unlimited(tenant: Cloud, admin: Cloud): Promise<void> {
  const { projectId = '' } = await tenant.session.token();
  await admin.compute.setQuota(projectId, { instances: -1, cores: -1, ram: -1, key_pairs: -1 });
  await admin.network.setQuota(projectId, { network: -1, subnet: -1, port: -1, security_group: -1, security_group_rule: -1 });
}

/** A site's Glance is a region of another's Keystone: so that one's Glance can fetch from it by itself. */
async function makeKnown(emulator: Emulator, region: string, { identity }: Cloud): Promise<void> {
  const [service] = await identity.services.list({ type: 'image' });
  await identity.regions.create({ id: region });
  await identity.endpoints.create({ service_id: service?.id ?? '', region_id: region, interface: 'public', url: `${emulator.site(region).address}/image` });
}
