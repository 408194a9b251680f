import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where the lab keeps its things. Nothing outside `cache` and `state` is ever written. */
export interface LabPaths {
  /** The checkout's lab/ folder. */
  readonly source: string;
  /** Package trees and initialized state, kept between runs. */
  readonly cache: string;
  /** This run: overlays, logs, credentials files. */
  readonly state: string;
}

const here = dirname(fileURLToPath(import.meta.url));

/** GODWIT_LAB_CACHE and GODWIT_LAB_STATE move the lab's folders. */
export function labPaths(env: Readonly<Record<string, string | undefined>> = process.env): LabPaths {
  return {
    source: join(here, '..'),
    cache: env['GODWIT_LAB_CACHE'] ?? '/var/cache/godwit-lab',
    state: env['GODWIT_LAB_STATE'] ?? '/var/lib/godwit-lab',
  };
}
