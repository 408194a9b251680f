import { connect, createVnf, emptyProject, eventually, freshGroup, godwitOk, guestReady, startController, type Lab, type VnfMember } from '@godwit/lab';
import { openstack, untilStatus } from './openstack-cli.ts';
import { table, type Bench } from './types.ts';

interface Point {
  readonly id: string;
  readonly volumes: readonly { readonly volumeId: string; readonly backupId: string; readonly name: string }[];
}

interface Timing {
  readonly activeSeconds: number;
  readonly writersSeconds: number;
}

/** From "bring it back" to both VMs running, at the site that is left: Godwit, then the same from the same backups typed with the `openstack` client. */
export const recoveryBench: Bench = async (lab, { say }) => {
  await Promise.all(['site1', 'site2'].map((site) => emptyProject(lab, site)));
  say('Booting and protecting the VNF …');
  const members = await createVnf(lab, 'site1');
  const controller = await startController(lab);
  const cli = { url: controller.url };
  try {
    await freshGroup(lab, cli, 'bench', members);
    await godwitOk(lab, cli, 'protect', 'bench');
    const point = await godwitOk<Point>(lab, cli, 'protect', 'bench');
    await lab.killSite('site1');
    say('site1 is gone. Godwit recovers …');
    const godwit = await timed(lab, async () => (await godwitOk<{ servers: { id: string }[] }>(lab, cli, 'recover', 'bench', '--to', 'site2', '--yes')).servers.map((s) => s.id));
    const residentMiB = controller.residentMiB();
    say(`Godwit: ${godwit.activeSeconds.toFixed(1)} s. The same, typed …`);
    await clear(lab);
    const typed = await timed(lab, () => typedRecovery(lab, members, point));
    const ratio = godwit.activeSeconds / typed.activeSeconds;
    const text = [
      table([
        ['', 'both VMs ACTIVE, s', 'both writers going on, s'],
        ['Godwit', godwit.activeSeconds.toFixed(1), godwit.writersSeconds.toFixed(1)],
        ['openstack client, typed', typed.activeSeconds.toFixed(1), typed.writersSeconds.toFixed(1)],
      ]),
      '',
      `Godwit takes ${ratio.toFixed(2)} of the typed sequence's time (aim: at most 0.5). The typed one has no time for thinking, looking up or mistakes in it.`,
      `Controller resident: ${residentMiB} MiB (aim: under 200 MB).`,
    ].join('\n');
    return { name: 'recovery', text, figures: { godwit, typed, ratio, residentMiB } };
  } finally {
    await controller.stop();
  }
};

async function timed(lab: Lab, recover: () => Promise<string[]>): Promise<Timing> {
  const begun = Date.now();
  const servers = await recover();
  const activeSeconds = (Date.now() - begun) / 1_000;
  await Promise.all(servers.map((id) => guestReady(lab, 'site2', id)));
  return { activeSeconds, writersSeconds: (Date.now() - begun) / 1_000 };
}

/** One after another, as runbooks have it: restore each volume, make it bootable, make the port, boot the server. */
async function typedRecovery(lab: Lab, members: readonly VnfMember[], point: Point): Promise<string[]> {
  const at = (...args: string[]) => openstack(lab, 'site2', 'site2', ...args);
  const servers: string[] = [];
  for (const member of members) {
    const restored: string[] = [];
    for (const original of [member.rootVolume, member.dataVolume]) {
      const backup = point.volumes.find((v) => v.volumeId === original)?.backupId ?? '';
      const name = `typed-${original}`;
      // Into a volume made with the right type: a restore without one gives the default type.
      const volume = await at('volume', 'create', '--size', '1', '--type', 'ceph', name, '-f', 'value', '-c', 'id');
      await untilStatus(lab, 'site2', 'site2', ['volume', 'show', volume], 'available');
      await at('volume', 'backup', 'restore', '--force', backup, volume);
      await untilStatus(lab, 'site2', 'site2', ['volume', 'show', volume], 'available');
      restored.push(volume);
    }
    const [root = '', data = ''] = restored;
    await at('volume', 'set', '--bootable', '--image-property', 'hw_qemu_guest_agent=yes', root);
    const port = await at('port', 'create', '--network', 'vnf-net', '--fixed-ip', `ip-address=${member.ip}`, '--mac-address', member.mac, `${member.name}-port`, '-f', 'value', '-c', 'id');
    servers.push(await at('server', 'create', '--wait', '--flavor', 'vnf.small', '--use-config-drive', '--volume', root, '--block-device', `uuid=${data},source_type=volume,destination_type=volume,boot_index=-1`, '--port', port, member.name, '-f', 'value', '-c', 'id'));
  }
  return servers;
}

/** Servers, ports and volumes of the first recovery; its backups stay. */
async function clear(lab: Lab): Promise<void> {
  const cloud = await connect(lab, 'site2');
  try {
    for (const server of await cloud.compute.servers.list()) await cloud.compute.servers.delete(server.id);
    await eventually('servers to be gone', async () => (await cloud.compute.servers.list()).length === 0);
    for (const port of (await cloud.network.ports.list()).filter((p) => p.description?.startsWith('godwit'))) await cloud.network.ports.delete(port.id);
    await eventually('volumes to be gone', async () => {
      const volumes = await cloud.volume.volumes.list();
      for (const v of volumes.filter((x) => x.status === 'available')) await cloud.volume.volumes.delete(v.id);
      return volumes.length === 0;
    });
  } finally {
    await cloud.close();
  }
}
