import type { Json } from '../http/service.ts';
import { links, stamp, type CinderCall } from './common.ts';
import type { Volume } from './state.ts';

export const volumeSummary = (call: CinderCall, v: Volume): Json => ({ id: v.id, name: v.name, links: links(call, 'volumes', v.id) });

/** As GET /volumes/{id}; which fields are there hangs on the microversion and on who asks. `bare`: what a change answers, without the extensions' fields. */
export function volumeView(call: CinderCall, v: Volume, bare = false): Json {
  const { state, token, micro, site } = call;
  const attachments = [...state.attachments.values()]
    .filter((a) => a.volumeId === v.id && a.status === 'attached')
    .map((a) => ({ id: v.id, attachment_id: a.id, volume_id: v.id, server_id: a.serverId, host_name: token.admin ? a.host : null, device: a.device, attached_at: stamp(a.attachedAt) }));
  const type = state.types.get(v.typeId);
  return {
    id: v.id,
    status: v.status,
    size: v.size,
    availability_zone: v.zone,
    created_at: stamp(v.createdAt),
    updated_at: stamp(v.updatedAt),
    name: v.name,
    description: v.description,
    volume_type: type?.name ?? v.typeId,
    snapshot_id: v.snapshotId,
    source_volid: v.sourceVolumeId,
    metadata: v.metadata,
    links: links(call, 'volumes', v.id),
    user_id: v.userId,
    bootable: String(v.bootable),
    encrypted: false,
    replication_status: null,
    consistencygroup_id: null,
    multiattach: v.multiattach,
    attachments,
    ...(token.admin ? { migration_status: null } : {}),
    ...(v.imageMetadata && Object.keys(v.imageMetadata).length > 0 ? { volume_image_metadata: v.imageMetadata } : {}),
    ...(token.admin && !bare ? { 'os-vol-host-attr:host': v.host ?? null, 'os-vol-mig-status-attr:migstat': null, 'os-vol-mig-status-attr:name_id': null } : {}),
    ...(bare ? {} : { 'os-vol-tenant-attr:tenant_id': v.projectId }),
    ...(micro >= 13 ? { group_id: v.groupId } : {}),
    ...(micro >= 21 && token.admin ? { provider_id: null } : {}),
    ...(micro >= 48 ? { shared_targets: v.host === undefined || v.status === 'creating', service_uuid: v.host === undefined || v.status === 'creating' ? null : serviceUuid(site.name) } : {}),
    ...(micro >= 61 && token.admin ? { cluster_name: null } : {}),
    ...(micro >= 63 ? { volume_type_id: v.typeId } : {}),
    ...(micro >= 65 ? { consumes_quota: true } : {}),
  };
}

/** The same for all volumes of a back end. */
function serviceUuid(site: string): string {
  const hex = Buffer.from(site.padEnd(16, '.')).toString('hex').slice(0, 32);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
