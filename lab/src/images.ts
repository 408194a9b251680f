import { existsSync } from 'node:fs';

import type { Progress } from './engine/progress.ts';
import type { LabPlan } from './lab.ts';

/** The images that the topology asks for, by source. */
export function ensureGuestImage(_p: LabPlan, _progress: Progress): Promise<Record<string, string>> {
  const file = '/var/cache/godwit-lab/guest-dev.raw';
  return Promise.resolve({ guest: existsSync(file) ? file : '/var/cache/godwit-lab/stub.raw' });
}
