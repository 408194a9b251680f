import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { npmOutside, ownPackages } from '../../scripts/workspaces.mjs';

const root = join(import.meta.dirname, '..', '..');

/** A programme of this folder as one file, as the real ones are built: what it weighs is then not tsx's weight. Returns its path. */
export async function bundled(entry: string): Promise<string> {
  const outfile = join(root, 'dist', `bench-${entry.replace(/\.ts$/, '.mjs')}`);
  await mkdir(join(root, 'dist'), { recursive: true });
  await build({
    absWorkingDir: root, entryPoints: [join(import.meta.dirname, entry)], outfile, bundle: true, platform: 'node', format: 'esm', target: 'node20', logLevel: 'warning',
    plugins: [ownPackages, npmOutside],
  });
  return outfile;
}
