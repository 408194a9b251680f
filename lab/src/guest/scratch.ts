import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { LabError } from '../errors.ts';

/** Runs bash scripts as root inside the package tree, of which they see a throw-away copy. */
export interface Scratch {
  /** Runs `script` with the tree as `/`, the work directory at /build and the output directory at /out. Returns its standard output. */
  run(what: string, script: string): Promise<string>;
}

export interface ScratchOptions {
  /** Root of the Debian package tree; it is read only. */
  treeDir: string;
  workDir: string;
  outDir: string;
}

// The overlay's upper layer is a tmpfs in a mount namespace of its own: whatever way the script ends, the kernel takes the mounts
// (and the loop devices that `mount -o loop` made) away with the last process of it.
const enter = `
set -e
tree=$1 work=$2 out=$3 script=$4 m=$2/mnt
mount -t tmpfs -o mode=755 scratch "$m"
mkdir "$m/upper" "$m/work" "$m/root"
mount -t overlay overlay -o "lowerdir=$tree,upperdir=$m/upper,workdir=$m/work" "$m/root"
mkdir -p "$m/root/build" "$m/root/out" "$m/root/part"
mount --rbind /dev "$m/root/dev"
mount -t proc proc "$m/root/proc"
mount --bind "$work" "$m/root/build"
mount --bind "$out" "$m/root/out"
rm -f "$m/root/etc/resolv.conf"
cp -L /etc/resolv.conf /etc/hosts "$m/root/etc/" 2>/dev/null || true
exec chroot "$m/root" env -u LD_LIBRARY_PATH LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin bash -euo pipefail -c "$script"
`;

/** Needs root. The directories must exist, except the mount point that it makes in the work directory. */
export async function openScratch(options: ScratchOptions): Promise<Scratch> {
  await mkdir(join(options.workDir, 'mnt'), { recursive: true });
  return { run: (what, script) => run(options, what, script) };
}

function run(options: ScratchOptions, what: string, script: string): Promise<string> {
  // Killed with us (--pdeathsig) and with everything it started (a PID namespace dies with its first process).
  const args = [
    '--pdeathsig', 'KILL', '--',
    'unshare', '--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child', '--',
    'sh', '-c', enter, 'scratch', options.treeDir, options.workDir, options.outDir, script,
  ];
  return new Promise((resolve, reject) => {
    const child = spawn('setpriv', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let err = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => { out += chunk; });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => { err = (err + chunk).slice(-8000); });
    child.on('error', (e) => reject(stepFailed(what, e.message, e)));
    child.on('close', (status, signal) => {
      if (status === 0) return resolve(out);
      const end = err.trim().split('\n').slice(-12).join('\n') || 'no output';
      reject(stepFailed(what, `${signal ?? `exit ${status}`}: ${end}`));
    });
  });
}

function stepFailed(what: string, detail: string, cause?: unknown): LabError {
  return new LabError('LAB_GUEST_STEP', `guest image: ${what} failed: ${detail}`, { cause });
}
