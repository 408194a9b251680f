import { mkdirSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import type { ProcessIdentity } from '../host/pid.ts';
import { startHolder } from './holder.ts';

/**
 * Mounts a site and becomes its pid 1. Everything is mounted inside the site's own mount namespace, so nothing can be left on
 * the machine. `volatile`: the overlay does not wait for the disk; a power cut of the machine (not of a site) loses the run.
 */
const script = `
set -e
lower=$1 upper=$2 root=$3 hostname=$4 shared=$5 nodejs=$6 programs=$7
mkdir -p "$upper/data" "$upper/work" "$root"
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$upper/data,workdir=$upper/work,volatile" "$root"
cd "$root"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t tmpfs -o mode=755,size=64m tmpfs dev
for node in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0; do
  IFS=: read -r name major minor <<X
$node
X
  mknod -m 666 "dev/$name" c "$major" "$minor"
done
mkdir dev/pts dev/shm dev/net
mknod -m 666 dev/net/tun c 10 200
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd; ln -s fd/0 dev/stdin; ln -s fd/1 dev/stdout; ln -s fd/2 dev/stderr
mount -t tmpfs -o mode=1777 tmpfs dev/shm
mount -t tmpfs -o mode=755 tmpfs run
mkdir -p run/lab run/lock var/lib/cinder/backups var/log/lab
mount --bind "$shared" var/lib/cinder/backups
# Godwit's programs for nodes, and the Node that runs them: this machine's own, read-only.
mkdir -p opt/godwit/bin opt/godwit/dist
[ -e opt/godwit/bin/node ] || : > opt/godwit/bin/node
mount --bind "$nodejs" opt/godwit/bin/node
mount -o remount,bind,ro opt/godwit/bin/node
mount --bind "$programs" opt/godwit/dist
mount -o remount,bind,ro opt/godwit/dist
hostname "$hostname"
pivot_root . mnt
umount -l /mnt
: > /run/lab/ready
# bash waits for children it did not start as well: it is the site's reaper.
exec chroot / bash -c 'trap : TERM INT HUP; while :; do sleep infinity & wait "$!"; done' <dev/null
`;

export interface SiteMount {
  readonly runDir: string;
  readonly name: string;
  readonly hostname: string;
  /** Lower layers, uppermost first. */
  readonly lower: readonly string[];
  /** Folder that holds the upper layer and overlayfs's work folder. */
  readonly upper: string;
  /** Bind-mounted into every site as the backup target. */
  readonly sharedBackups: string;
  /** Folder of Godwit's bundled programs, seen in the site as /opt/godwit/dist. */
  readonly programs: string;
}

export async function startSite(site: SiteMount): Promise<ProcessIdentity> {
  const root = join(site.runDir, 'root', site.name);
  mkdirSync(root, { recursive: true });
  mkdirSync(site.upper, { recursive: true });
  mkdirSync(site.sharedBackups, { recursive: true });
  mkdirSync(site.programs, { recursive: true });
  // overlayfs refuses an upper layer that was mounted `volatile` before until this mark is gone.
  rmSync(join(site.upper, 'work'), { recursive: true, force: true });
  return startHolder({
    name: site.name,
    runDir: site.runDir,
    namespaces: ['mount', 'pid', 'net', 'uts', 'ipc'],
    script,
    args: [site.lower.join(':'), site.upper, root, site.hostname, site.sharedBackups, realpathSync(process.execPath), site.programs],
  });
}
