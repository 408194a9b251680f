import { describe, expect, it } from 'vitest';
import type { BackupExport } from '@godwit/openstack';
import { list, one } from '../src/shapes/base.ts';
import {
  adminBackup, adminVolume, backup as tenantBackup, backupObject, bornBackup, bornGroup, bornGroupSnapshot, bornAdminVolume, exportRecord, group, groupSnapshot, snapshot,
} from '../src/shapes/volume.ts';
import { answers, NO_UUID, passes, refuses, type Suite } from '../src/suite.ts';
import { bad, forbidden, gone, notDeletable } from './volume.ts';

/** A protect and a recovery of one volume, as Cinder sees them: one state after another, so one test each step, in order. */
export function protection(suite: Suite): void {
  describe('volume: group, snapshot, backup, import, restore', () => {
    const ids = { type: '', volumeType: '', volume: '', group: '', groupSnapshot: '', snapshot: '', full: '', increment: '', restored: '' };
    const records: BackupExport[] = [];
    const decoded = (record: BackupExport | undefined): Record<string, unknown> => JSON.parse(Buffer.from(record?.backup_url ?? '', 'base64').toString('utf8')) as Record<string, unknown>;

    it('a group: made empty, volumes put in, found by them', async () => {
      const [godwit, tenant] = [await suite.cloud('godwit'), await suite.cloud('tenant')];
      const { groups, groupTypes, volumes } = godwit.volume;
      ids.type = (await groupTypes.create({ name: 'contract-protect' })).id;
      ids.volumeType = (await godwit.volume.types.list()).find((t) => t.name === 'ceph')?.id ?? '';
      ids.volume = (await tenant.volume.volumes.create({ name: 'contract-p', size: 1, volume_type: 'ceph' })).id;
      await passes(async () => (await volumes.get(ids.volume)).status, ['creating'], 'available');
      const made = await answers(() => groups.create({ name: 'contract-g', description: 'd', group_type: ids.type, volume_types: [ids.volumeType] }), { status: 202, body: one('group', bornGroup) });
      ids.group = made.id;
      await passes(async () => (await groups.get(ids.group)).status, ['creating'], 'available');
      const empty = await answers(() => groups.get(ids.group), { status: 200, body: one('group', group) });
      expect(empty).toMatchObject({ volumes: [], volume_types: [ids.volumeType], group_type: ids.type, description: 'd' });
      await refuses(() => groups.get(NO_UUID), gone(/^Group 11111111-.* could not be found\.$/));
      await refuses(() => groups.create({ name: 'x', group_type: NO_UUID, volume_types: [ids.volumeType] }), gone(/^Group type 11111111-.* could not be found\.$/));
      await refuses(() => groups.create({ name: 'x', group_type: ids.type, volume_types: [NO_UUID] }), gone(/^Volume type 11111111-.* could not be found\.$/));

      await answers(() => groups.update(ids.group, { add_volumes: [ids.volume] }), { status: 202 });
      await passes(async () => (await groups.get(ids.group)).status, ['updating'], 'available');
      const all = await answers(() => groups.list(), { status: 200, body: list('groups', group) });
      expect(all.find((g) => g.id === ids.group)?.volumes).toEqual([ids.volume]);
      expect((await answers(() => volumes.list({ group_id: ids.group }), { status: 200, body: list('volumes', adminVolume) })).map((v) => v.id)).toEqual([ids.volume]);
      await refuses(() => groups.update(ids.group, { add_volumes: [ids.volume] }), bad(/^Invalid Group: Cannot update group .* because no valid name, description, add_volumes, or remove_volumes were provided\.$/));
      await refuses(() => groups.update(ids.group, { add_volumes: [NO_UUID] }), bad(/^Invalid volume: Cannot add volume 11111111-.* to group .* because volume cannot be found\.$/));
      await refuses(() => groups.update(ids.group, { remove_volumes: [NO_UUID] }), bad(/^Invalid volume: Cannot remove volume 11111111-.* from group .* because it is not in the group\.$/));
      await refuses(() => groups.update(ids.group, {}), bad(/is not valid under any of the given schemas$/));
      await refuses(() => groups.delete(ids.group), bad(/^Invalid Group: Group .* still contains volumes\. The delete-volumes flag is required to delete it\.$/));
      await refuses(() => tenant.volume.volumes.delete(ids.volume), notDeletable);
    });

    it('a group snapshot, and the snapshot in it', async () => {
      const [godwit, tenant] = [await suite.cloud('godwit'), await suite.cloud('tenant')];
      const { groupSnapshots, snapshots } = godwit.volume;
      const made = await answers(() => groupSnapshots.create({ name: 'contract-gs', group_id: ids.group }), { status: 202, body: one('group_snapshot', bornGroupSnapshot) });
      ids.groupSnapshot = made.id;
      await passes(async () => (await groupSnapshots.get(made.id)).status, ['creating'], 'available');
      await answers(() => groupSnapshots.get(made.id), { status: 200, body: one('group_snapshot', groupSnapshot) });
      expect((await answers(() => groupSnapshots.list(), { status: 200, body: list('group_snapshots', groupSnapshot) })).map((g) => g.id)).toContain(made.id);
      await refuses(() => groupSnapshots.get(NO_UUID), gone(/^GroupSnapshot 11111111-.* could not be found\.$/));
      await refuses(() => groupSnapshots.create({ name: 'x', group_id: NO_UUID }), gone(/^Group 11111111-.* could not be found\.$/));
      const inside = (await answers(() => snapshots.list(), { status: 200, body: list('snapshots', snapshot) })).filter((s) => s.group_snapshot_id === made.id);
      expect(inside).toEqual([expect.objectContaining({ volume_id: ids.volume, status: 'available', name: 'contract-gs', size: 1 })]);
      ids.snapshot = inside[0]?.id ?? '';
      await refuses(() => snapshots.delete(ids.snapshot), bad(/^Invalid snapshot: Snapshot status must be available or error and must not be part of a group\.$/));
      await refuses(() => tenant.volume.volumes.delete(ids.volume), notDeletable);
    });

    it('an increment without a parent is refused', async () => {
      const godwit = await suite.cloud('godwit');
      await refuses(() => godwit.volume.backups.create({ volume_id: ids.volume, snapshot_id: ids.snapshot, incremental: true, name: 'x', force: true }), bad(/^Invalid backup: No backups available to do an incremental backup\.$/));
    });

    it('a full backup from the snapshot', async () => {
      const [godwit, tenant, stranger, service] = [await suite.cloud('godwit'), await suite.cloud('tenant'), await suite.cloud('stranger'), await suite.cloud('service')];
      const { backups, snapshots } = godwit.volume;
      const made = await answers(
        () => backups.create({ volume_id: ids.volume, snapshot_id: ids.snapshot, incremental: false, name: 'contract-full', description: 'Godwit recovery point', force: true, availability_zone: 'nova' }),
        { status: 202, body: one('backup', bornBackup) },
      );
      ids.full = made.id;
      // The snapshot is busy meanwhile, the volume is not.
      expect((await snapshots.get(ids.snapshot)).status).toBe('backing-up');
      expect((await godwit.volume.volumes.get(ids.volume)).status).toBe('available');
      await refuses(() => backups.delete(made.id), bad(/^Invalid backup: Backup status must be available or error$/));
      await refuses(() => backups.exportRecord(made.id), bad(/^Invalid backup: Backup status must be available and not creating\.$/));
      await passes(async () => (await backups.get(made.id)).status, ['creating'], 'available');
      expect((await snapshots.get(ids.snapshot)).status).toBe('available');
      const seen = await answers(() => backups.get(made.id), { status: 200, body: one('backup', adminBackup) });
      expect(seen).toMatchObject({ name: 'contract-full', is_incremental: false, has_dependent_backups: false, volume_id: ids.volume, snapshot_id: ids.snapshot, availability_zone: 'nova', size: 1 });
      await answers(() => tenant.volume.backups.get(made.id), { status: 200, body: one('backup', tenantBackup) });
      await answers(() => service.volume.backups.get(made.id), { status: 200, body: one('backup', adminBackup) });
      await refuses(() => stranger.volume.backups.get(made.id), gone(/^Backup .* could not be found\.$/));
      await refuses(() => backups.get(NO_UUID), gone(/^Backup 11111111-.* could not be found\.$/));
      expect((await answers(() => backups.list({ name: 'contract-full' }), { status: 200, body: list('backups', adminBackup) })).map((b) => b.id)).toEqual([made.id]);
      expect(await backups.list({ name: 'contract' })).toEqual([]);
      expect((await backups.list()).map((b) => b.id)).toContain(made.id);
      await refuses(() => backups.create({ volume_id: NO_UUID, name: 'x' }), gone(/^Volume 11111111-.* could not be found\.$/));
      await refuses(() => backups.create({ volume_id: ids.volume, snapshot_id: NO_UUID, name: 'x' }), gone(/^Snapshot 11111111-.* could not be found\.$/));
    });

    it('an increment from a second group snapshot', async () => {
      const godwit = await suite.cloud('godwit');
      const { backups, groupSnapshots, snapshots } = godwit.volume;
      const second = await groupSnapshots.create({ name: 'contract-gs2', group_id: ids.group });
      await passes(async () => (await groupSnapshots.get(second.id)).status, ['creating'], 'available');
      const inside = (await snapshots.list()).find((s) => s.group_snapshot_id === second.id);
      const made = await backups.create({ volume_id: ids.volume, snapshot_id: inside?.id ?? '', incremental: true, name: 'contract-increment', force: true });
      ids.increment = made.id;
      await passes(async () => (await backups.get(made.id)).status, ['creating'], 'available');
      const seen = await answers(() => backups.get(made.id), { status: 200, body: one('backup', adminBackup) });
      expect(seen).toMatchObject({ is_incremental: true, has_dependent_backups: false });
      expect((await backups.get(ids.full)).has_dependent_backups).toBe(true);
      await refuses(() => backups.delete(ids.full), bad(/^Invalid backup: Incremental backups exist for this backup\.$/));
      await groupSnapshots.delete(second.id);
      await passes(async () => (await groupSnapshots.get(second.id)).status, ['available', 'deleting'], 'gone');
    });

    it('export records name parent and service; only administrators have them', async () => {
      const [godwit, tenant] = [await suite.cloud('godwit'), await suite.cloud('tenant')];
      for (const id of [ids.full, ids.increment]) records.push(await answers(() => godwit.volume.backups.exportRecord(id), { status: 200, body: exportRecord }));
      for (const record of records) {
        expect(record.backup_service).toBe('cinder.backup.drivers.posix.PosixBackupDriver');
        const issues = backupObject.safeParse(decoded(record)).error?.issues ?? [];
        expect(issues, JSON.stringify(decoded(record))).toEqual([]);
      }
      expect(decoded(records[0])).toMatchObject({ id: ids.full, parent_id: null, volume_id: ids.volume, status: 'available', service: records[0]?.backup_service });
      expect(decoded(records[1])).toMatchObject({ id: ids.increment, parent_id: ids.full });
      await refuses(() => tenant.volume.backups.exportRecord(ids.full), forbidden('backup:export-import'));
      await refuses(() => godwit.volume.backups.exportRecord(NO_UUID), gone(/^Backup 11111111-.* could not be found\.$/));
    });

    it('a record is imported once, under its id; what is no record is refused', async () => {
      const [there, tenant, here] = [await suite.cloud('godwit', 'site2'), await suite.cloud('tenant', 'site2'), await suite.cloud('godwit')];
      const [full, increment] = records as [BackupExport, BackupExport];
      const { backups } = there.volume;
      await refuses(() => here.volume.backups.importRecord(full), bad(/^Invalid backup: Backup already exists in database\.$/));
      await refuses(() => tenant.volume.backups.importRecord(full), forbidden('backup:backup-import'));
      await refuses(() => backups.importRecord({ ...full, backup_url: 'bm90IGpzb24=' }), bad(/^Invalid input received: Can't parse backup record\.$/));
      for (const record of [full, increment]) {
        const { id } = await answers(() => backups.importRecord(record), { status: 201, body: one('backup', bornBackup) });
        await passes(async () => (await backups.get(id)).status, ['creating'], 'available');
      }
      await refuses(() => backups.importRecord(full), bad(/^Invalid backup: Backup already exists in database\.$/));
      const seen = await answers(() => backups.get(ids.increment), { status: 200, body: one('backup', adminBackup) });
      expect(seen).toMatchObject({ is_incremental: true, volume_id: ids.volume, 'os-backup-project-attr:project_id': await suite.projectId('godwit', 'site2') });
      // The chain is still told by its records there.
      expect(decoded(await backups.exportRecord(ids.increment))).toMatchObject({ id: ids.increment, parent_id: ids.full });
    });

    it('a volume is made from the increment at the other site, and remembers it', async () => {
      const there = await suite.cloud('godwit', 'site2');
      const { volumes, backups } = there.volume;
      const made = await answers(() => volumes.create({ name: 'contract-r', size: 1, volume_type: 'ceph', backup_id: ids.increment, metadata: { godwit_x: 'y' } }), { status: 202, body: one('volume', bornAdminVolume) });
      ids.restored = made.id;
      let restoring = false;
      await passes(async () => {
        restoring ||= (await backups.get(ids.increment)).status === 'restoring';
        return (await volumes.get(made.id)).status;
      }, ['creating', 'restoring-backup'], 'available');
      expect(restoring, 'the backup was seen as restoring').toBe(true);
      expect((await backups.get(ids.increment)).status).toBe('available');
      const seen = await answers(() => volumes.get(made.id), { status: 200, body: one('volume', adminVolume) });
      expect(seen.metadata).toEqual({ godwit_x: 'y', src_backup_id: ids.increment });
    });

    it('a status is set by administrators only', async () => {
      const [godwit, tenant] = [await suite.cloud('godwit'), await suite.cloud('tenant')];
      const { groupSnapshots, snapshots } = godwit.volume;
      await refuses(() => tenant.volume.snapshots.resetStatus(ids.snapshot, 'error'), forbidden('volume_extension:snapshot_admin_actions:reset_status'));
      await refuses(() => tenant.volume.groupSnapshots.resetStatus(ids.groupSnapshot, 'error'), forbidden('group:reset_group_snapshot_status'));
      await refuses(() => snapshots.resetStatus(NO_UUID, 'error'), gone(/^Snapshot 11111111-.* could not be found\.$/));
      await refuses(() => groupSnapshots.resetStatus(NO_UUID, 'error'), gone(/^GroupSnapshot 11111111-.* could not be found\.$/));
      await answers(() => snapshots.resetStatus(ids.snapshot, 'error'), { status: 202 });
      await answers(() => groupSnapshots.resetStatus(ids.groupSnapshot, 'error'), { status: 202 });
      expect((await snapshots.get(ids.snapshot)).status).toBe('error');
      expect((await groupSnapshots.get(ids.groupSnapshot)).status).toBe('error');
    });

    it('all of it is deleted again, in order', async () => {
      const [godwit, there, tenant] = [await suite.cloud('godwit'), await suite.cloud('godwit', 'site2'), await suite.cloud('tenant')];
      const { groups, groupSnapshots, volumes } = godwit.volume;
      await answers(() => groupSnapshots.delete(ids.groupSnapshot), { status: 202 });
      await passes(async () => (await groupSnapshots.get(ids.groupSnapshot)).status, ['error', 'deleting'], 'gone');
      await refuses(() => groupSnapshots.delete(ids.groupSnapshot), gone(/^GroupSnapshot .* could not be found\.$/));
      for (const { volume } of [there, godwit]) {
        for (const id of [ids.increment, ids.full]) {
          await answers(() => volume.backups.delete(id), { status: 202 });
          await passes(async () => (await volume.backups.get(id)).status, ['deleting'], 'gone');
        }
      }
      await refuses(() => godwit.volume.backups.delete(ids.full), gone(/^Backup .* could not be found\.$/));
      await answers(() => groups.update(ids.group, { remove_volumes: [ids.volume] }), { status: 202 });
      await passes(async () => (await groups.get(ids.group)).status, ['updating'], 'available');
      expect((await volumes.get(ids.volume)).group_id).toBeNull();
      await answers(() => groups.delete(ids.group, { deleteVolumes: false }), { status: 202 });
      await passes(async () => (await groups.get(ids.group)).status, ['deleting'], 'gone');
      await refuses(() => groups.delete(ids.group), gone(/^Group .* could not be found\.$/));
      await godwit.volume.groupTypes.delete(ids.type);
      await tenant.volume.volumes.delete(ids.volume);
      await there.volume.volumes.delete(ids.restored);
      await passes(async () => (await volumes.get(ids.volume)).status, ['deleting'], 'gone');
    });

    it('a backup whose daemon is dead is accepted, and stays as it is', async () => {
      const godwit = await suite.cloud('godwit');
      const { backups, volumes, services } = godwit.volume;
      const { id } = await volumes.create({ name: 'contract-d', size: 1, volume_type: 'ceph' });
      await passes(async () => (await volumes.get(id)).status, ['creating'], 'available');
      await suite.target.stop('site1', 'cinder-backup');
      const made = await answers(() => backups.create({ volume_id: id, name: 'contract-dead', force: true }), { status: 202, body: one('backup', bornBackup) });
      await new Promise((resolve) => setTimeout(resolve, 500));
      expect((await backups.get(made.id)).status).toBe('creating');
      await suite.target.start('site1', 'cinder-backup');
      // As it starts again it gives up what it finds half done: for all it knows, it was itself at work on it.
      await passes(async () => (await backups.get(made.id)).status, ['creating'], 'error');
      await passes(async () => ((await services.list({ binary: 'cinder-backup' })).some((s) => s.state === 'up') ? 'up' : 'down'), ['down'], 'up');
      await backups.delete(made.id);
      await passes(async () => (await backups.get(made.id)).status, ['deleting'], 'gone');
      await volumes.delete(id);
    });
  });
}
