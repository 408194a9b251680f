import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { fault, is, one, list, overLimit, webobError } from '../src/shapes/base.ts';
import { backupService, managedVolume, bornVolume, changedVolume, adminVolume, groupType, quota, tenantVolumeType, volume as volumeShape, volumeService, volumeType } from '../src/shapes/volume.ts';
import { answers, NO_UUID, passes, raw, refuses, type Suite } from '../src/suite.ts';

export const gone = (what: RegExp) => ({ status: 404, body: fault('itemNotFound', 404, what), code: 'OS_NOT_FOUND', godwit: 'GW_RESOURCE_GONE' }) as const;
export const bad = (why: RegExp) => ({ status: 400, body: fault('badRequest', 400, why), code: 'OS_BAD_REQUEST', godwit: 'GW_SITE_REFUSED' }) as const;
export const forbidden = (rule: string) => ({ status: 403, body: fault('forbidden', 403, new RegExp(`^Policy doesn't allow ${rule} to be performed\\.$`)), code: 'OS_FORBIDDEN', godwit: 'GW_SITE_FORBIDDEN' }) as const;
export const conflict = (why: RegExp) => ({ status: 409, body: fault('conflictingRequest', 409, why), code: 'OS_CONFLICT', godwit: 'GW_SITE_CONFLICT' }) as const;
const overQuota = (why: RegExp) => ({ status: 413, body: overLimit(why), code: 'OS_OVER_LIMIT', godwit: 'GW_QUOTA' }) as const;
export const notDeletable = bad(/^Invalid volume: Volume status must be available or error or .* and must not be migrating, attached, belong to a group, have snapshots, awaiting a transfer/);

export function volume(suite: Suite): void {
  describe('volume', () => {
    it('says what it speaks, and refuses what is newer, older or no version', async () => {
      const [godwit, tenant] = [await suite.cloud('godwit'), await suite.cloud('tenant')];
      expect(await godwit.session.versions('volume')).toEqual({ min: '3.0', max: '3.71' });
      const at = (version: string, path: string) => (url: string, token: string) => suite.target.send('GET', `${url}${path}`, { 'x-auth-token': token, 'openstack-api-version': `volume ${version}` });
      await raw(tenant, 'volume', at('3.999', '/volumes'), { status: 406, body: fault('computeFault', 406, /^Version 3\.999 is not supported by the API\. Minimum is 3\.0 and maximum is 3\.71\.$/) });
      await raw(tenant, 'volume', (url, token) => suite.target.send('GET', `${url}/volumes`, { 'x-auth-token': token, 'openstack-api-version': 'volume banana' }), { status: 400, body: fault('badRequest', 400, /^API Version String banana is of invalid format\. Must be of format MajorNum\.MinorNum\.$/), microversion: false });
      await raw(tenant, 'volume', at('3.0', '/groups/detail'), { status: 404, body: fault('itemNotFound', 404, /^The resource could not be found\.$/), microversion: false });
    });

    it('refuses what is no token, no JSON, no path, no action', async () => {
      const tenant = await suite.cloud('tenant');
      const post = (path: string, body: string) => (url: string, token: string) => suite.target.send('POST', `${url}${path}`, { 'x-auth-token': token, 'content-type': 'application/json', 'openstack-api-version': 'volume 3.70' }, body);
      await raw(tenant, 'volume', (url) => suite.target.send('GET', `${url}/volumes`, { 'x-auth-token': 'gibberish' }), { status: 401, body: z.strictObject({ error: z.strictObject({ code: is(401), title: is('Unauthorized'), message: is('The request you have made requires authentication.') }) }) });
      await raw(tenant, 'volume', post('/volumes', '{"volume": '), { status: 400, body: fault('badRequest', 400, /^Malformed request body$/) });
      await raw(tenant, 'volume', (url, token) => suite.target.send('GET', `${url}/nothing`, { 'x-auth-token': token }), { status: 404, body: webobError('404 Not Found', /^The resource could not be found\./) });
    });

    it('lists its daemons to administrators, each with its zone and state', async () => {
      const [service, tenant] = [await suite.cloud('service'), await suite.cloud('tenant')];
      const backup = await answers(() => service.volume.services.list({ binary: 'cinder-backup' }), { status: 200, body: list('services', backupService) });
      expect(backup).toEqual([expect.objectContaining({ host: 'site1', zone: 'nova', status: 'enabled', state: 'up' })]);
      const volumes = await answers(() => service.volume.services.list({ binary: 'cinder-volume' }), { status: 200, body: list('services', volumeService) });
      expect(volumes).toEqual([expect.objectContaining({ host: 'site1@ceph', state: 'up' })]);
      await refuses(() => tenant.volume.services.list({ binary: 'cinder-volume' }), forbidden('volume_extension:services:index'));
      expect((await service.volume.services.list()).map((s) => s.binary).sort()).toEqual(['cinder-backup', 'cinder-scheduler', 'cinder-volume']);
    });

    it('lists types; their extra specs are hidden from tenants in part', async () => {
      const [godwit, tenant] = [await suite.cloud('godwit'), await suite.cloud('tenant')];
      const types = await answers(() => godwit.volume.types.list(), { status: 200, body: list('volume_types', volumeType) });
      expect(types.map((t) => t.name).sort()).toEqual(['__DEFAULT__', 'ceph']);
      expect(types.find((t) => t.name === 'ceph')?.extra_specs).toEqual({ volume_backend_name: 'ceph' });
      await answers(() => tenant.volume.types.list(), { status: 200, body: list('volume_types', tenantVolumeType) });
    });

    it('tells administrators where each pool lies', async () => {
      const [service, tenant] = [await suite.cloud('service'), await suite.cloud('tenant')];
      const pool = z.strictObject({ name: is('site1@ceph#ceph'), capabilities: z.looseObject({ location_info: z.string().regex(/^ceph:[^:]*:[0-9a-f-]{36}:[^:]+:volumes$/), storage_protocol: is('ceph'), volume_backend_name: is('ceph') }) });
      await answers(() => service.volume.pools.list(), { status: 200, body: list('pools', pool) });
      await refuses(() => tenant.volume.pools.list(), forbidden('scheduler_extension:scheduler_stats:get_pools'));
    });

    it('shows quotas with use, per type too, to the project and administrators', async () => {
      const [godwit, tenant, stranger] = [await suite.cloud('godwit'), await suite.cloud('tenant'), await suite.cloud('stranger')];
      const project = await suite.projectId('tenant');
      const set = await answers(() => godwit.volume.quota(project), { status: 200, body: one('quota_set', quota) });
      expect(set['volumes']).toMatchObject({ limit: 40 });
      expect(set['backups']).toMatchObject({ limit: 160 });
      expect(set['snapshots_ceph']).toMatchObject({ limit: -1 });
      await answers(() => tenant.volume.quota(project), { status: 200, body: one('quota_set', quota) });
      await refuses(() => stranger.volume.quota(project), forbidden('volume_extension:quotas:show'));
      await refuses(() => tenant.volume.setQuota(project, { volumes: 1 }), forbidden('volume_extension:quotas:update'));
    });

    it('over quota is 413, for the count and for the size', async () => {
      const [stranger, admin] = [await suite.cloud('stranger'), await suite.cloud('admin')];
      const project = await suite.projectId('stranger');
      try {
        await admin.volume.setQuota(project, { volumes: 0 });
        await refuses(() => stranger.volume.volumes.create({ name: 'contract', size: 1 }), overQuota(/^VolumeLimitExceeded: Maximum number of volumes allowed \(0\) exceeded for quota 'volumes'\.$/));
        await admin.volume.setQuota(project, { volumes: 10, gigabytes: 0 });
        await refuses(() => stranger.volume.volumes.create({ name: 'contract', size: 1 }), overQuota(/^VolumeSizeExceedsAvailableQuota: Requested volume or snapshot exceeds allowed gigabytes quota\. Requested 1G, quota is 0G and 0G has been consumed\.$/));
      } finally {
        await admin.volume.setQuota(project, { volumes: 10, gigabytes: 1000 });
      }
    });

    it('a volume: made, shown to each as far as he may see, changed, found, deleted', async () => {
      const [godwit, tenant, stranger, service, auditor] = [await suite.cloud('godwit'), await suite.cloud('tenant'), await suite.cloud('stranger'), await suite.cloud('service'), await suite.cloud('auditor')];
      const made = await answers(() => tenant.volume.volumes.create({ name: 'contract-v', size: 1, volume_type: 'ceph', metadata: { k: 'v' } }), { status: 202, body: one('volume', bornVolume) });
      const { id } = made;
      await passes(async () => (await tenant.volume.volumes.get(id)).status, ['creating'], 'available');
      await answers(() => tenant.volume.volumes.get(id), { status: 200, body: one('volume', volumeShape) });
      const seen = await answers(() => godwit.volume.volumes.get(id), { status: 200, body: one('volume', adminVolume) });
      expect(seen).toMatchObject({ name: 'contract-v', size: 1, volume_type: 'ceph', bootable: 'false', metadata: { k: 'v' }, availability_zone: 'nova', 'os-vol-host-attr:host': 'site1@ceph#ceph' });
      await answers(() => service.volume.volumes.get(id), { status: 200, body: one('volume', adminVolume) });
      await answers(() => auditor.volume.volumes.get(id), { status: 200, body: one('volume', volumeShape) });
      await refuses(() => stranger.volume.volumes.get(id), gone(/^Volume .* could not be found\.$/));
      await refuses(() => tenant.volume.volumes.get(NO_UUID), gone(/^Volume 11111111-.* could not be found\.$/));

      const found = async (query: Record<string, string>): Promise<string[]> => (await answers(() => godwit.volume.volumes.list(query), { status: 200, body: list('volumes', adminVolume) })).map((v) => v.id);
      expect(await found({ name: 'contract-v' })).toEqual([id]);
      expect(await found({ name: 'contract' })).toEqual([]);
      expect(await found({ group_id: NO_UUID })).toEqual([]);
      expect(await found({})).toContain(id);

      const named = await answers(() => tenant.volume.volumes.update(id, { name: 'contract-w', description: 'd' }), { status: 200, body: one('volume', changedVolume) });
      expect(named.name).toBe('contract-w');
      await answers(() => godwit.volume.volumes.setBootable(id, true), { status: 200 });
      await answers(() => godwit.volume.volumes.setImageMetadata(id, { hw_qemu_guest_agent: 'yes' }), { status: 200, body: z.strictObject({ metadata: z.strictObject({ hw_qemu_guest_agent: is('yes') }) }) });
      expect(await godwit.volume.volumes.get(id)).toMatchObject({ bootable: 'true', volume_image_metadata: { hw_qemu_guest_agent: 'yes' } });
      await refuses(() => godwit.volume.volumes.setBootable(NO_UUID, true), gone(/^Volume 11111111-.* could not be found\.$/));
      await refuses(() => godwit.volume.volumes.update(NO_UUID, { name: 'x' }), gone(/^Volume 11111111-.* could not be found\.$/));

      await answers(() => tenant.volume.volumes.delete(id), { status: 202 });
      await passes(async () => (await tenant.volume.volumes.get(id)).status, ['deleting'], 'gone');
      await refuses(() => tenant.volume.volumes.delete(id), gone(/^Volume .* could not be found\.$/));
    });

    it('a volume that Cinder forgets stays on the storage, and is taken over again under another id', async () => {
      const [godwit, tenant] = [await suite.cloud('godwit'), await suite.cloud('tenant')];
      const { id } = await tenant.volume.volumes.create({ name: 'contract-m', size: 1, volume_type: 'ceph' });
      await passes(async () => (await tenant.volume.volumes.get(id)).status, ['creating'], 'available');
      await refuses(() => tenant.volume.volumes.unmanage(id), forbidden('volume_extension:volume_unmanage'));
      await answers(() => godwit.volume.volumes.unmanage(id), { status: 202 });
      await passes(async () => (await tenant.volume.volumes.get(id)).status, ['unmanaging'], 'gone');

      const ref = { 'source-name': `volume-${id}` };
      const over = { host: 'site1@ceph#ceph', ref, name: 'contract-n', volume_type: 'ceph', bootable: true, metadata: { k: 'v' } };
      await refuses(() => tenant.volume.volumes.manage(over), forbidden('volume_extension:volume_manage'));
      const made = await answers(() => godwit.volume.volumes.manage(over), { status: 202, body: one('volume', managedVolume) });
      expect(made.id).not.toBe(id);
      await passes(async () => (await tenant.volume.volumes.get(made.id)).status, ['creating'], 'available');
      await refuses(() => godwit.volume.volumes.manage({ ...over, ref: { 'source-name': `volume-${made.id}` } }), bad(/^Unable to manage existing volume\. The volume is already managed$/));
      expect(await godwit.volume.volumes.get(made.id)).toMatchObject({ name: 'contract-n', size: 1, bootable: 'true', metadata: { k: 'v' }, volume_type: 'ceph', 'os-vol-tenant-attr:tenant_id': await suite.projectId('tenant') });
      await tenant.volume.volumes.delete(made.id);
      await passes(async () => (await tenant.volume.volumes.get(made.id)).status, ['deleting'], 'gone');
    });

    it('refuses volumes that cannot be', async () => {
      const { volumes } = (await suite.cloud('tenant')).volume;
      const make = (over: Record<string, unknown>) => () => volumes.create({ name: 'contract', size: 1, ...over });
      await refuses(make({ size: 0 }), bad(/^Invalid input for field\/attribute size\. Value: 0\. 0 is less than the minimum of 1$/));
      await refuses(() => volumes.create({ name: 'contract' }), bad(/./));
      await refuses(make({ volume_type: 'nothing' }), gone(/^Volume type with name nothing could not be found\.$/));
      await refuses(make({ colour: 'red' }), bad(/Additional properties are not allowed \('colour' was unexpected\)$/));
      await refuses(make({ availability_zone: 'mars' }), bad(/^Availability zone 'mars' is invalid\.$/));
      await refuses(make({ backup_id: NO_UUID }), gone(/^Backup 11111111-.* could not be found\.$/));
      await refuses(make({ snapshot_id: NO_UUID }), gone(/^Snapshot 11111111-.* could not be found\.$/));
      await refuses(make({ group_id: NO_UUID }), gone(/^Group 11111111-.* could not be found\.$/));
      await refuses(make({ imageRef: NO_UUID }), bad(/^Invalid image identifier or unable to access requested image\.$/));
    });

    it('group types: listed by all, made by administrators only, once', async () => {
      const [godwit, tenant] = [await suite.cloud('godwit'), await suite.cloud('tenant')];
      await answers(() => tenant.volume.groupTypes.list(), { status: 200, body: list('group_types', groupType.partial({ group_specs: true })) });
      await refuses(() => tenant.volume.groupTypes.create({ name: 'contract' }), forbidden('group:group_types:create'));
      const made = await answers(() => godwit.volume.groupTypes.create({ name: 'contract', description: 'of the contract suite' }), { status: 202, body: one('group_type', groupType) });
      try {
        await refuses(() => godwit.volume.groupTypes.create({ name: 'contract', description: 'x' }), conflict(/^Group Type contract already exists\.$/));
        const all = await answers(() => godwit.volume.groupTypes.list(), { status: 200, body: list('group_types', groupType) });
        expect(all.map((t) => t.name)).toEqual(expect.arrayContaining(['contract', 'default_cgsnapshot_type']));
      } finally {
        await godwit.volume.groupTypes.delete(made.id);
      }
    });
  });
}
