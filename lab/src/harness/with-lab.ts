import { LabError } from '../errors.ts';
import { textProgress, type Lab } from '../index.ts';

/** Brings a topology up with all its sites alive, runs something, and takes the lab down again unless it is to be kept. Resolves to an exit status. */
export async function withLab(lab: Lab, { keep, topology = 'two-site' }: { readonly keep: boolean; readonly topology?: string }, run: () => Promise<number>): Promise<number> {
  try {
    const progress = textProgress(process.stderr);
    try {
      await lab.up({ topology, mirror: process.env['GODWIT_LAB_MIRROR'] }, progress);
      for (const site of (await lab.status()).sites) if (!site.alive) await lab.reviveSite(site.site, progress);
    } finally {
      progress.close();
    }
    return await run();
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    console.error(`${error.code}: ${error.message}`);
    return 1;
  } finally {
    if (!keep) await lab.down();
  }
}
