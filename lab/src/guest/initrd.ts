import { chmod, cp, mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Scratch } from './scratch.ts';

const rootfs = fileURLToPath(new URL('./rootfs', import.meta.url));
const directories = ['bin', 'sbin', 'dev', 'proc', 'sys', 'run', 'tmp', 'etc', 'data0', 'data1', 'config', 'lib64', 'usr/lib/x86_64-linux-gnu', 'var/log'];

// ash would run busybox's own mke2fs, which makes no ext4: that applet gets no link, and the scripts name /sbin/mke2fs.
const programs = `
r=/build/stage/initrd
cp /usr/bin/busybox $r/bin/busybox
/usr/bin/busybox --list | while read -r a; do [ "$a" = busybox ] || [ "$a" = mke2fs ] || ln -sf busybox "$r/bin/$a"; done
ln -s bin/busybox $r/init
ln -s /run $r/var/run
cp /usr/sbin/qemu-ga /usr/sbin/mke2fs $r/sbin/
cp /etc/mke2fs.conf $r/etc/
ldd /usr/sbin/qemu-ga /usr/sbin/mke2fs | grep -o '/[^ ]*\\.so[^ ]*' | sort -u | while read -r l; do cp -L "$l" $r/usr/lib/x86_64-linux-gnu/; done
mv $r/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 $r/lib64/
ln -s ../usr/lib/x86_64-linux-gnu $r/lib/x86_64-linux-gnu
`;

const pack = `
cd /build/stage/initrd
find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0 --reproducible | gzip -9n > ../initrd.gz
`;

/** Fills stage/initrd with busybox, the guest agent, mke2fs, their libraries and our own scripts (rootfs/), and packs it as stage/initrd.gz. */
export async function stageInitrd(scratch: Scratch, stageDir: string): Promise<void> {
  const root = join(stageDir, 'initrd');
  for (const d of directories) await mkdir(join(root, d), { recursive: true });
  await cp(rootfs, root, { recursive: true });
  await makeScriptsExecutable(root);
  await scratch.run('stage programs', programs);
  await scratch.run('pack the initrd', pack);
}

// Modes may be lost in an archive of the sources; a script is what begins as one.
async function makeScriptsExecutable(root: string): Promise<void> {
  for (const entry of await readdir(rootfs, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const from = join(entry.parentPath, entry.name);
    const text = await readFile(from, 'utf8');
    await chmod(join(root, from.slice(rootfs.length + 1)), text.startsWith('#!') ? 0o755 : 0o644);
  }
}
