import { textProgress, type Lab } from '../index.ts';

/** Brings the two-site lab up with both sites alive, runs something, and takes the lab down again unless it is to be kept. */
export async function withLab<T>(lab: Lab, { keep }: { readonly keep: boolean }, run: () => Promise<T>): Promise<T> {
  const progress = textProgress(process.stderr);
  try {
    await lab.up({ topology: 'two-site', mirror: process.env['GODWIT_LAB_MIRROR'] }, progress);
    for (const site of (await lab.status()).sites) if (!site.alive) await lab.reviveSite(site.site, progress);
  } finally {
    progress.close();
  }
  try {
    return await run();
  } finally {
    if (!keep) await lab.down();
  }
}
