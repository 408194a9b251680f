import { type Lab, type VnfMember } from '@godwit/lab';
import { openstack, untilStatus } from './openstack-cli.ts';

/** Backup of each volume, by the volume's id. */
export type TypedPoint = Readonly<Record<string, string>>;

/** As runbooks have it: an image of each server, its snapshots backed up, the records carried over; one command after another. */
export async function typedProtect(lab: Lab, members: readonly VnfMember[], name: string): Promise<{ point: TypedPoint; frozenAt: number }> {
  const tenant = (...args: string[]) => openstack(lab, 'site1', 'site1', ...args);
  const admin = (site: string, ...args: string[]) => openstack(lab, site, `${site}-godwit`, ...args);
  const point: Record<string, string> = {};
  const frozenAt = Date.now();
  for (const m of members) await tenant('server', 'image', 'create', '--wait', '--name', `${name}-${m.name}`, m.name);
  for (const volume of members.flatMap((m) => [m.rootVolume, m.dataVolume])) {
    const snapshot = (await tenant('volume', 'snapshot', 'list', '--volume', volume, '-f', 'value', '-c', 'ID')).split('\n')[0] ?? '';
    await untilStatus(lab, 'site1', 'site1', ['volume', 'snapshot', 'show', snapshot], 'available');
    const backup = await tenant('volume', 'backup', 'create', '--incremental', '--force', '--snapshot', snapshot, '--name', `${name}-${volume}`, volume, '-f', 'value', '-c', 'id');
    await untilStatus(lab, 'site1', 'site1', ['volume', 'backup', 'show', backup], 'available');
    const record = JSON.parse(await admin('site1', 'volume', 'backup', 'record', 'export', backup, '-f', 'json')) as Record<string, string>;
    await admin('site2', 'volume', 'backup', 'record', 'import', record['backup_service'] ?? record['Backup Service'] ?? '', record['backup_url'] ?? record['Metadata'] ?? '');
    await untilStatus(lab, 'site2', 'site2', ['volume', 'backup', 'show', backup], 'available');
    point[volume] = backup;
  }
  return { point, frozenAt };
}

/** Images and snapshots of {@link typedProtect}: not in what it takes. */
export async function typedTidy(lab: Lab, members: readonly VnfMember[], name: string): Promise<void> {
  const tenant = (...args: string[]) => openstack(lab, 'site1', 'site1', ...args);
  for (const m of members) await tenant('image', 'delete', `${name}-${m.name}`);
  for (const id of (await tenant('volume', 'snapshot', 'list', '-f', 'value', '-c', 'ID')).split('\n').filter((l) => l !== '')) await tenant('volume', 'snapshot', 'delete', id);
}

/** One after another, as runbooks have it: restore each volume, make it bootable, make the port, boot the server. */
export async function typedRecover(lab: Lab, members: readonly VnfMember[], point: TypedPoint): Promise<string[]> {
  const at = (...args: string[]) => openstack(lab, 'site2', 'site2', ...args);
  const servers: string[] = [];
  for (const member of members) {
    const restored: string[] = [];
    for (const original of [member.rootVolume, member.dataVolume]) {
      // Into a volume made with the right type: a restore without one gives the default type.
      const volume = await at('volume', 'create', '--size', '1', '--type', 'ceph', `typed-${original}`, '-f', 'value', '-c', 'id');
      await untilStatus(lab, 'site2', 'site2', ['volume', 'show', volume], 'available');
      await at('volume', 'backup', 'restore', '--force', point[original] ?? '', volume);
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
