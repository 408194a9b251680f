import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import type { Progress } from './engine/progress.ts';
import { buildGuestImage } from './guest/index.ts';
import type { LabPaths } from './paths.ts';
import type { Topology } from './topology/schema.ts';
import { guestKey } from './state.ts';

/** Makes the images that a topology asks for and that are not there yet; returns the file of each source. */
export async function ensureImages(paths: LabPaths, topology: Topology, tree: string, treeKey: string, progress: Progress): Promise<Record<string, string>> {
  if (!topology.images.some((i) => i.source === 'guest')) return {};
  const outFile = join(paths.cache, `guest-${guestKey(treeKey, paths.source)}.raw`);
  if (!existsSync(outFile)) {
    for (const name of readdirSync(paths.cache)) if (/^guest-[0-9a-f]{12}\.raw/.test(name)) rmSync(join(paths.cache, name), { recursive: true, force: true });
    const key = 'guest image';
    progress.start(key);
    try {
      await buildGuestImage({
        treeDir: tree, outFile, workDir: join(paths.cache, 'guest-work'),
        log: (line) => {
          progress.waiting(key, line);
        },
      });
    } catch (error) {
      progress.failed(key);
      throw error;
    }
    progress.done(key);
  }
  return { guest: outFile };
}
