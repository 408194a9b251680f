import type { Site } from '../core/site.ts';
import { badRequest, conflict, notFound } from '../errors.ts';
import { ok, type Answer, type Json, type Route } from '../http/service.ts';
import { bodyObject, ownProject, requiredText, sees, stamp, text, type CinderCall } from './common.ts';
import type { Attachment, CinderState, Volume } from './state.ts';
import { findVolume } from './volumes.ts';

/** available -> reserved. @throws ApiError 400 */
export function reserve(site: Site, state: CinderState, volume: Volume, serverId: string): Attachment {
  const free = volume.status === 'available' || (volume.multiattach && volume.status === 'in-use');
  if (!free) throw badRequest(`Invalid volume: Volume ${volume.id} status must be available or downloading to reserve, but the current status is ${volume.status}.`);
  const attachment: Attachment = { id: site.random.uuid(), volumeId: volume.id, serverId, projectId: volume.projectId, status: 'reserved', host: null, device: null, attachedAt: undefined };
  state.attachments.set(attachment.id, attachment);
  volume.status = 'reserved';
  volume.updatedAt = site.now();
  return attachment;
}

export function attach(site: Site, state: CinderState, attachment: Attachment, host: string, device: string): void {
  const volume = state.volumes.get(attachment.volumeId);
  Object.assign(attachment, { status: 'attached', host, device, attachedAt: site.now() });
  if (!volume) return;
  volume.status = 'in-use';
  volume.updatedAt = site.now();
}

/** The volume is free again when nobody else has it; one in a state of another's work keeps that. */
export function detach(site: Site, state: CinderState, attachment: Attachment): void {
  state.attachments.delete(attachment.id);
  const volume = state.volumes.get(attachment.volumeId);
  if (!volume) return;
  const others = [...state.attachments.values()].some((a) => a.volumeId === volume.id);
  if (['in-use', 'reserved', 'attaching', 'detaching'].includes(volume.status)) volume.status = others ? 'in-use' : 'available';
  if (volume.status === 'backing-up') volume.previousStatus = others ? 'in-use' : 'available';
  volume.updatedAt = site.now();
}

function view(a: Attachment): Json {
  return { id: a.id, status: a.status, instance: a.serverId, volume_id: a.volumeId, attached_at: stamp(a.attachedAt) ?? '', detached_at: '', attach_mode: 'rw', connection_info: {} };
}

function findOne(call: CinderCall): Attachment {
  const found = call.state.attachments.get(call.params['id'] ?? '');
  if (!found || !sees(call, found.projectId)) throw notFound(`Volume attachment could not be found with filter: attachment_id = ${call.params['id'] ?? ''}.`);
  return found;
}

function listThem(call: CinderCall, detail: boolean): Answer {
  const all = call.token.admin && /^(true|1)$/i.test(call.query.get('all_tenants') ?? '');
  const volume = call.query.get('volume_id');
  const instance = call.query.get('instance_id');
  const shown = [...call.state.attachments.values()].filter((a) => (all || a.projectId === call.token.projectId) && (volume === null || a.volumeId === volume) && (instance === null || a.serverId === instance)).reverse();
  return ok({ attachments: shown.map((a) => (detail ? view(a) : { id: a.id, status: a.status, instance: a.serverId, volume_id: a.volumeId })) });
}

function create(call: CinderCall): Answer {
  const body = bodyObject(call, 'attachment');
  ownProject(call);
  const volume = findVolume(call, requiredText(body, 'volume_uuid'));
  return ok({ attachment: view(reserve(call.site, call.state, volume, text(body, 'instance_uuid') ?? '')) });
}

/** Cinder has Nova's word taken for what Nova uses: only a service may take such an attachment away. */
function remove(call: CinderCall): Answer {
  const found = findOne(call);
  const server = call.site.parts.servers?.get(found.serverId);
  if (server && found.status === 'attached' && !call.token.roles.includes('service')) throw conflict(`Detach volume from instance ${found.serverId} using the Compute API`);
  detach(call.site, call.state, found);
  return ok({ attachments: [...call.state.attachments.values()].filter((a) => a.volumeId === found.volumeId).map(view) });
}

export const attachmentRoutes: readonly Route<CinderState>[] = [
  { method: 'GET', path: '/attachments', since: 27, handler: (call) => listThem(call, false) },
  { method: 'GET', path: '/attachments/detail', since: 27, handler: (call) => listThem(call, true) },
  { method: 'POST', path: '/attachments', since: 27, handler: create },
  { method: 'GET', path: '/attachments/:id', since: 27, handler: (call) => ok({ attachment: view(findOne(call)) }) },
  { method: 'DELETE', path: '/attachments/:id', since: 27, handler: remove },
];
