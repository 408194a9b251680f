import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { masterBootRecord, PARTITION_START } from './mbr.ts';
import type { Scratch } from './scratch.ts';

// Kept small on purpose: the image is cloned, snapshotted and backed up many times.
const DISK_BYTES = 96 * 1024 * 1024;

// tsc/nokaslr/mitigations: seconds of boot under emulation. quiet: the console belongs to the GUEST lines.
const kernelArguments = 'console=ttyS0 mitigations=off nokaslr quiet random.trust_cpu=on panic=5 tsc=unstable net.ifnames=0';

const bootConfig = `SERIAL 0 115200
DEFAULT guest
PROMPT 0
TIMEOUT 1
LABEL guest
 KERNEL /boot/vmlinuz
 INITRD /boot/initrd.gz
 APPEND ${kernelArguments}
`;

// Only features that extlinux can read. `mount -o loop` lets go of its loop device by itself when it is unmounted.
const fill = (name: string) => `
img='/out/${name}'
size=$(( (${DISK_BYTES} - ${PARTITION_START}) / 1024 ))
mkfs.ext4 -q -F -O none,has_journal,ext_attr,dir_index,filetype,extent,sparse_super,large_file,huge_file,extra_isize \\
  -m 0 -N 1024 -J size=4 -L root -E offset=${PARTITION_START},lazy_itable_init=0,nodiscard "$img" "$size"
mount -t ext4 -o loop,offset=${PARTITION_START},sizelimit=$((size * 1024)) "$img" /part
mkdir /part/boot
cp /build/stage/vmlinuz /build/stage/initrd.gz /part/boot/
cat > /part/boot/extlinux.conf <<'X'
${bootConfig}X
extlinux --install /part/boot >&2
umount /part
`;

/** Makes the bootable disk image `name` in the scratch's output directory from the staged kernel and initrd. */
export async function makeDisk(scratch: Scratch, options: { treeDir: string; outDir: string; name: string }): Promise<void> {
  const bootCode = await readFile(join(options.treeDir, 'usr/lib/syslinux/mbr/mbr.bin'));
  const file = await open(join(options.outDir, options.name), 'w');
  try {
    await file.truncate(DISK_BYTES);
    await file.write(masterBootRecord(bootCode, DISK_BYTES), 0, undefined, 0);
  } finally {
    await file.close();
  }
  await scratch.run('make the disk', fill(options.name));
}
