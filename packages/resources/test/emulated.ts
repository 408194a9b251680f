import { fileURLToPath } from 'node:url';
import { startEmulator, type Emulator, type EmulatorOptions } from '@godwit/emulator';
import { createCloud, type Cloud } from '@godwit/openstack';
import { openSites, parseConfig, type SiteRegistry } from '@godwit/sites';
import type { Progress, StepContext } from '@godwit/workflow';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Deps } from '../src/deps.ts';
import { cloudConfig } from '../../emulator/test/cloud-config.ts';
import { MemoryStore } from './memory-store.ts';

const twoSite = fileURLToPath(new URL('../../../lab/topologies/two-site.yaml', import.meta.url));

export interface Emulated {
  readonly emulator: Emulator;
  readonly sites: SiteRegistry;
  readonly deps: Deps & { readonly store: MemoryStore };
  /** An entry of clouds.yaml: `site1`, `site1-admin`. */
  cloud(name: string): Cloud;
}

export const project = { name: 'vnf', domain: 'Default' };

/** The two sites, and what the use case is given, without a controller; gone after the test. */
export async function emulated({ mappings, ...options }: Partial<EmulatorOptions> & { readonly mappings?: readonly Record<string, unknown>[] } = {}): Promise<Emulated> {
  const emulator = await startEmulator({ topology: twoSite, speed: 1000, ...options });
  const dir = await mkdtemp(join(tmpdir(), 'godwit-resources-'));
  const files = emulator.writeConfig(dir);
  const text = await readFile(files.godwit, 'utf8');
  const config = parseConfig(mappings ? `${text}\nmappings: ${JSON.stringify(mappings)}\n` : text, files.godwit);
  const sites = await openSites(config, { env: {} });
  const clouds = new Map<string, Cloud>();
  onTestFinished(async () => {
    await sites.close();
    await Promise.all([...clouds.values()].map((c) => c.close()));
    await emulator.close();
    await rm(dir, { recursive: true, force: true });
  });
  const store = new MemoryStore();
  return {
    emulator, sites,
    deps: { sites, store, clock: { now: () => new Date(), sleep: (ms) => new Promise((r) => setTimeout(r, Math.min(ms, 5))) }, log: () => undefined },
    cloud(name) {
      const made = clouds.get(name) ?? createCloud(cloudConfig(emulator, name));
      clouds.set(name, made);
      return made;
    },
  };
}

export function stepContext(): StepContext & { readonly reports: Progress[]; readonly logs: string[] } {
  const reports: Progress[] = [];
  const logs: string[] = [];
  return { jobId: 'job-1', attempt: 1, signal: new AbortController().signal, progress: (p) => void reports.push(p), log: (m) => void logs.push(m), reports, logs };
}
