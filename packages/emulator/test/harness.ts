import { fileURLToPath } from 'node:url';
import { type Cloud, createCloud } from '@godwit/openstack';
import { afterEach } from 'vitest';
import { type Emulator, type EmulatorOptions, startEmulator } from '../src/index.ts';
import { cloudConfig } from './cloud-config.ts';

export const twoSite = fileURLToPath(new URL('../../../lab/topologies/two-site.yaml', import.meta.url));

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** The lab's two sites, a thousand times faster than real; gone after the test. */
export async function emulate(options: Partial<EmulatorOptions> = {}): Promise<Emulator> {
  const emulator = await startEmulator({
    topology: twoSite,
    ...(options.clock ? {} : { speed: 1000 }),
    onMistake: (error) => {
      throw error;
    },
    ...options,
  });
  cleanups.push(() => emulator.close());
  return emulator;
}

/** Godwit's own client, as an entry of clouds.yaml: `site1`, `site1-admin`, `site1-stranger`, … */
export function cloud(emulator: Emulator, name: string): Cloud {
  const client = createCloud(cloudConfig(emulator, name));
  cleanups.push(() => client.close());
  return client;
}
