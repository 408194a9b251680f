import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Emulator, startEmulator } from '@godwit/emulator';
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

/** The lab's two sites, emulated in this process: they outlive any controller, and can be looked into. */
export async function startSites(options: { readonly seed: number; readonly speed?: number }): Promise<EmulatedSites> {
  const dir = await mkdtemp(join(tmpdir(), 'gw-sites-'));
  const emulator = await startEmulator({ topology: join(root, 'lab', 'topologies', 'two-site.yaml'), seed: options.seed, speed: options.speed ?? 1_000 });
  const files = emulator.writeConfig(dir);
  const clouds = new Map<string, Promise<Cloud>>();
  const secrets = Object.fromEntries(Object.entries(emulator.clouds()).map(([name, entry]) => [`the password of ${name}`, entry.auth.password]));
  return {
    emulator,
    configFile: files.godwit,
    secrets,
    cloud(name) {
      let made = clouds.get(name);
      if (made === undefined) {
        made = loadCloud({ cloud: name, env: {}, files: [files.clouds] }).then((config) => createCloud(config));
        clouds.set(name, made);
      }
      return made;
    },
    async close() {
      await Promise.all([...clouds.values()].map(async (c) => (await c).close()));
      await emulator.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
