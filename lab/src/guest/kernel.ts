import type { Scratch } from './scratch.ts';

// Disks as Nova attaches them (virtio-blk, or SCSI and IDE for a config drive), network, entropy, and what a config drive is formatted with.
const wanted = [
  'virtio_blk', 'virtio_net', 'virtio_scsi', 'sd_mod', 'ata_piix', 'ahci', 'sr_mod', 'isofs', 'vfat', 'nls_cp437', 'nls_ascii',
  'virtio_rng', 'virtio_balloon', 'evdev', 'button',
];

// The meta package names the kernel of today; lists that are missing or point to a version the mirror has dropped are renewed (in the throw-away layer).
const download = `
cd /build; mkdir -p kernel; cd kernel
apt="apt-get -q -o APT::Sandbox::User=root"
name() { apt-cache depends linux-image-cloud-amd64 2>/dev/null | sed -n 's/^ *Depends: \\(linux-image-[0-9].*\\)$/\\1/p' | head -n 1; }
n=$(name || true)
[ -n "$n" ] || { $apt update >&2; n=$(name); }
[ -n "$n" ] || { echo 'no package linux-image-cloud-amd64 on the mirror' >&2; exit 1; }
v() { apt-cache policy "$n" | sed -n 's/^ *Candidate: //p' | sed 's/:/%3a/'; }
if [ ! -s "\${n}_$(v)_amd64.deb" ]; then
  rm -f ./*.deb
  $apt download "$n" >&2 || { $apt update >&2; n=$(name); $apt download "$n" >&2; }
fi
ls "\${n}"_*_amd64.deb
`;

const unpack = (deb: string) => `
dpkg-deb -x '/build/kernel/${deb}' /part
[ -e /part/lib ] || ln -s usr/lib /part/lib
v=$(ls /part/lib/modules)
depmod -b /part "$v"
dst=/build/stage/initrd/lib/modules
mkdir -p $dst
for m in ${wanted.join(' ')}; do
  modprobe -d /part -S "$v" --show-depends "$m" >> /part/plan || { echo "kernel $v has no module $m" >&2; exit 1; }
done
awk '$1 == "insmod" && !seen[$2]++ { print $2 }' /part/plan | while read -r f; do
  b=$(basename "$f"); b=\${b%.xz}
  case $f in *.xz) xz -dc "$f" > "$dst/$b" ;; *) cp "$f" "$dst/$b" ;; esac
  echo "$b" >> $dst/order
done
cp /part/boot/vmlinuz-"$v" /build/stage/vmlinuz
echo "$v"
`;

/** Downloads Debian's cloud kernel (kept in workDir/kernel), and puts it and the modules a guest needs into the stage. Returns its version. */
export async function stageKernel(scratch: Scratch): Promise<string> {
  const deb = (await scratch.run('download the kernel', download)).trim();
  return (await scratch.run('unpack the kernel', unpack(deb))).trim();
}
