import { access, mkdir, realpath, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { LabError } from '../errors.ts';
import { makeDisk } from './disk.ts';
import { stageInitrd } from './initrd.ts';
import { stageKernel } from './kernel.ts';
import { openScratch } from './scratch.ts';

export interface GuestImageOptions {
  /** Root of a Debian tree with busybox-static, qemu-guest-agent, extlinux, syslinux-common, e2fsprogs, cpio, kmod and xz-utils. Not modified. */
  treeDir: string;
  /** The raw image to write. It appears whole or not at all. */
  outFile: string;
  /** Directory for this build alone; the downloaded kernel is kept in it for the next one. */
  workDir: string;
  log: (line: string) => void;
}

const needed = [
  'usr/bin/busybox', 'usr/sbin/qemu-ga', 'usr/bin/extlinux', 'usr/lib/syslinux/mbr/mbr.bin', 'usr/sbin/mke2fs', 'usr/bin/cpio', 'usr/bin/xz', 'usr/sbin/modprobe',
];

/**
 * Builds the guest for consistency checks: a 96 MiB raw disk (BIOS boot, one ext4 partition) from Debian packages only.
 * Needs root, overlayfs and a loop device; takes about 15 s. Leaves no mount and no loop device, however it ends.
 * @throws LabError LAB_GUEST_TREE when the tree lacks a program, LAB_GUEST_STEP when a step fails.
 */
export async function buildGuestImage(options: GuestImageOptions): Promise<void> {
  const treeDir = await realpath(options.treeDir);
  for (const file of needed) {
    await access(join(treeDir, file)).catch(() => {
      throw new LabError('LAB_GUEST_TREE', `guest image: the package tree ${treeDir} has no ${file}: install the package that holds it`);
    });
  }
  const outFile = resolve(options.outFile);
  const workDir = resolve(options.workDir);
  const outDir = dirname(outFile);
  const stageDir = join(workDir, 'stage');
  const part = `${basename(outFile)}.part`;
  await mkdir(outDir, { recursive: true });
  await rm(stageDir, { recursive: true, force: true }); // of a build that was killed
  await mkdir(stageDir, { recursive: true });
  const scratch = await openScratch({ treeDir, workDir, outDir });
  try {
    options.log('kernel');
    const version = await stageKernel(scratch);
    options.log(`initrd for kernel ${version}`);
    await stageInitrd(scratch, stageDir);
    options.log('disk');
    await makeDisk(scratch, { treeDir, outDir, name: part });
    await rename(join(outDir, part), outFile);
    options.log(`made ${outFile}`);
  } finally {
    await rm(join(outDir, part), { force: true });
    await rm(stageDir, { recursive: true, force: true });
  }
}
