import { z } from 'zod';
import { ApiError, badRequest, conflict, notFound } from '../errors.ts';
import { bodyOf } from '../http/body.ts';
import { accepted, type Answer, type Json, ok, type Route } from '../http/service.ts';
import { deviceName } from './create.ts';
import { assertState, assertUnlocked, type NCall, serverOf } from './lookup.ts';
import { compute } from './runtime.ts';
import type { Attached, NovaState, Server, ServerPort } from './state.ts';

const attachedView = ({ micro }: NCall, server: Server, v: Attached): Json => ({
  volumeId: v.volumeId, serverId: server.id, device: v.device,
  ...(micro < 89 && { id: v.volumeId }),
  ...(micro >= 70 && { tag: v.tag }),
  ...(micro >= 79 && { delete_on_termination: v.deleteOnTermination }),
  ...(micro >= 89 && { attachment_id: v.attachmentId, bdm_uuid: v.id }),
});

const attachSchema = z.object({ volumeAttachment: z.looseObject({ volumeId: z.string(), device: z.string().nullish(), tag: z.string().nullish(), delete_on_termination: z.boolean().default(false) }) });

function attach(call: NCall): Answer {
  const { site } = call;
  const server = serverOf(call);
  const wanted = bodyOf(attachSchema, call.body).volumeAttachment;
  assertUnlocked(call, server);
  assertState(server, 'attach_volume', ['active', 'stopped', 'paused'], false);
  const volumes = site.part('volumes');
  const volume = volumes.get(wanted.volumeId);
  if (!volume || (volume.projectId !== server.projectId && !call.token.admin)) throw notFound(`Volume ${wanted.volumeId} could not be found.`);
  if (server.volumes.some((v) => v.volumeId === wanted.volumeId)) throw badRequest(`Invalid volume: volume ${wanted.volumeId} already attached`);
  let attachmentId: string;
  try {
    attachmentId = volumes.reserve(wanted.volumeId, server.id);
  } catch (error) {
    throw error instanceof ApiError ? badRequest(`Invalid volume: ${error.message}`) : error;
  }
  const taken = new Set(server.volumes.map((v) => v.device));
  let index = server.imageId === null ? 0 : 1;
  while (taken.has(deviceName(index))) index += 1;
  const attached: Attached = { id: site.random.uuid(), volumeId: wanted.volumeId, attachmentId, device: wanted.device ?? deviceName(index), deleteOnTermination: wanted.delete_on_termination, tag: wanted.tag ?? null };
  server.volumes = [...server.volumes, attached];
  compute(site).whenRunning(() => site.work(1_500, () => {
    if (server.volumes.includes(attached)) volumes.attach(wanted.volumeId, { attachmentId, serverId: server.id, host: server.host ?? site.host, device: attached.device });
  }));
  return ok({ volumeAttachment: attachedView(call, server, attached) });
}

function detach(call: NCall): Answer {
  const { site } = call;
  const server = serverOf(call);
  const volumeId = call.params['volume'] ?? '';
  assertUnlocked(call, server);
  if (!server.volumes.some((v) => v.volumeId === volumeId)) throw notFound(`Instance ${server.id} is not attached to volume ${volumeId}.`);
  if (server.imageId === null && server.volumes[0]?.volumeId === volumeId) throw badRequest('Cannot detach a root device volume');
  assertState(server, 'detach_volume', ['active', 'stopped', 'paused'], false);
  compute(site).whenRunning(() => site.work(1_500, () => {
    site.part('guests').flush(volumeId);
    server.volumes = server.volumes.filter((v) => v.volumeId !== volumeId);
    site.part('volumes').detach(volumeId, server.id);
  }));
  return accepted();
}

function interfaceView({ site, micro }: NCall, port: ServerPort): Json {
  const found = site.part('ports').get(port.id);
  return { net_id: found?.networkId, port_id: port.id, mac_addr: found?.mac, port_state: found?.status, fixed_ips: found?.fixedIps ?? [], ...(micro >= 70 && { tag: port.tag }) };
}

const interfaceSchema = z.object({ interfaceAttachment: z.looseObject({ port_id: z.string().optional(), net_id: z.string().optional(), fixed_ips: z.array(z.looseObject({ ip_address: z.string() })).optional(), tag: z.string().nullish() }).default({}) });

function plug(call: NCall): Answer {
  const { site } = call;
  const server = serverOf(call);
  const wanted = bodyOf(interfaceSchema, call.body).interfaceAttachment;
  assertUnlocked(call, server);
  assertState(server, 'attach_interface', ['active', 'stopped', 'paused'], false);
  const ports = site.part('ports');
  if (wanted.port_id !== undefined) {
    const found = ports.get(wanted.port_id);
    if (!found) throw badRequest(`Port id ${wanted.port_id} could not be found.`);
    if (found.deviceId !== '') throw badRequest(`Port ${wanted.port_id} is still in use.`);
  }
  const network = wanted.net_id ?? ports.networksOf(server.projectId)[0]?.id;
  if (wanted.port_id === undefined && network === undefined) throw badRequest('No network could be found.');
  const fixedIp = wanted.fixed_ips?.[0]?.ip_address;
  const id = wanted.port_id ?? ports.create({ projectId: server.projectId, networkId: network ?? '', deviceId: server.id, ...(fixedIp !== undefined && { fixedIp }) });
  ports.bind(id, { deviceId: server.id, deviceOwner: `compute:${server.zone ?? 'nova'}`, host: server.host ?? site.host });
  const port: ServerPort = { id, tag: wanted.tag ?? null, owned: wanted.port_id === undefined };
  server.ports = [...server.ports, port];
  return ok({ interfaceAttachment: interfaceView(call, port) });
}

function unplug(call: NCall): Answer {
  const { site } = call;
  const server = serverOf(call);
  const id = call.params['port'] ?? '';
  assertUnlocked(call, server);
  const port = server.ports.find((p) => p.id === id);
  if (!port) throw notFound(`Port id ${id} is not attached to instance ${server.id}.`);
  if (server.taskState !== null) throw conflict(`Cannot 'detach_interface' instance ${server.id} while it is in task_state ${server.taskState}`);
  site.work(1_000, () => {
    server.ports = server.ports.filter((p) => p.id !== id);
    if (port.owned) site.part('ports').delete(id);
    else site.part('ports').unbind(id);
  });
  return accepted();
}

export const attachmentRoutes: readonly Route<NovaState>[] = [
  {
    method: 'GET', path: '/servers/:id/os-volume_attachments',
    handler: (call) => {
      const server = serverOf(call);
      return ok({ volumeAttachments: server.volumes.map((v) => attachedView(call, server, v)) });
    },
  },
  { method: 'POST', path: '/servers/:id/os-volume_attachments', rule: 'os_compute_api:os-volumes-attachments:create', handler: attach },
  {
    method: 'GET', path: '/servers/:id/os-volume_attachments/:volume',
    handler: (call) => {
      const server = serverOf(call);
      const found = server.volumes.find((v) => v.volumeId === call.params['volume']);
      if (!found) throw notFound(`Instance ${server.id} is not attached to volume ${call.params['volume'] ?? ''}`);
      return ok({ volumeAttachment: attachedView(call, server, found) });
    },
  },
  { method: 'DELETE', path: '/servers/:id/os-volume_attachments/:volume', rule: 'os_compute_api:os-volumes-attachments:delete', handler: detach },
  { method: 'GET', path: '/servers/:id/os-interface', handler: (call) => ok({ interfaceAttachments: serverOf(call).ports.map((p) => interfaceView(call, p)) }) },
  { method: 'POST', path: '/servers/:id/os-interface', rule: 'os_compute_api:os-attach-interfaces:create', handler: plug },
  { method: 'DELETE', path: '/servers/:id/os-interface/:port', rule: 'os_compute_api:os-attach-interfaces:delete', handler: unplug },
];
