import { envelope } from '../envelope.ts';
import * as z from 'zod';
import { maybe } from '../fields.ts';
import { iterate, listAll } from '../paginate.ts';
import { seg, type Service } from '../service.ts';
import type { CallOptions, Query } from '../types.ts';
import { attachedVolumeSchema, interfaceSchema, serverSchema, type AttachedVolume, type Interface, type Server, type ServerCreate } from './server-types.ts';
import { WANT, wish } from './version.ts';

const one = z.looseObject({ server: serverSchema });
const born = z.looseObject({ server: z.looseObject({ id: z.string(), adminPass: maybe(z.string()) }) });

export function createServers(service: Service) {
  const post = async (id: string, body: unknown, options?: CallOptions): Promise<void> => {
    await service.send({ method: 'POST', path: `/servers/${seg(id)}/action`, body, version: WANT }, options);
  };
  const listRequest = (query: Query) => ({ path: '/servers/detail', key: 'servers', item: serverSchema, query, version: WANT });
  return {
    /** `name` is a regular expression to Nova. With `all_tenants: true` (administrators) of every project. */
    list: (query: Query = {}, options?: CallOptions): Promise<Server[]> => listAll(service, listRequest(query), options),
    iterate: (query: Query = {}, options?: CallOptions): AsyncGenerator<Server> => iterate(service, listRequest(query), options),
    get: async (id: string, options?: CallOptions): Promise<Server> =>
      (await service.json({ method: 'GET', path: `/servers/${seg(id)}`, version: WANT }, one, options)).server,
    /** Accepted, not made: look at its status until `ACTIVE` or `ERROR` (then `fault` says why). */
    create: async (body: ServerCreate, options?: CallOptions): Promise<{ id: string; adminPass?: string | undefined }> =>
      (await service.json({ method: 'POST', path: '/servers', body, version: wish('2.67', 'booting from volumes of a given type') }, born, options)).server,
    update: async (id: string, body: { readonly name?: string; readonly description?: string; readonly hostname?: string }, options?: CallOptions): Promise<Server> =>
      (await service.json({ method: 'PUT', path: `/servers/${seg(id)}`, body: { server: body }, version: WANT }, one, options)).server,
    delete: async (id: string, options?: CallOptions): Promise<void> => {
      await service.send({ method: 'DELETE', path: `/servers/${seg(id)}`, version: WANT }, options);
    },
    start: (id: string, options?: CallOptions): Promise<void> => post(id, { 'os-start': null }, options),
    stop: (id: string, options?: CallOptions): Promise<void> => post(id, { 'os-stop': null }, options),
    reboot: (id: string, type: 'SOFT' | 'HARD', options?: CallOptions): Promise<void> => post(id, { reboot: { type } }, options),
    /** Keeps it from being changed by mistake: who may lock may unlock. */
    lock: async (id: string, { reason, ...options }: CallOptions & { reason?: string } = {}): Promise<void> => {
      const version = reason === undefined ? WANT : wish('2.73', 'a lock with a reason');
      await service.send({ method: 'POST', path: `/servers/${seg(id)}/action`, body: { lock: reason === undefined ? null : { locked_reason: reason } }, version }, options);
    },
    unlock: (id: string, options?: CallOptions): Promise<void> => post(id, { unlock: null }, options),
    /** Any other action, as Nova's API reference has it: `{ pause: null }`. */
    action: (id: string, body: Readonly<Record<string, unknown>>, options?: CallOptions): Promise<void> => post(id, body, options),
    /** The end of the console's log. `length` counts lines; left out: all that there is. */
    consoleOutput: async (id: string, length?: number, options?: CallOptions): Promise<string> => {
      const body = { 'os-getConsoleOutput': length === undefined ? {} : { length } };
      return (await service.json({ method: 'POST', path: `/servers/${seg(id)}/action`, body, version: WANT, safe: true }, z.looseObject({ output: z.string().nullish() }), options)).output ?? '';
    },
    /** Accepted, not made: look at the image's status. Of a server on volumes: an image without bytes, and snapshots of the volumes. */
    createImage: async (id: string, body: { readonly name: string; readonly metadata?: Readonly<Record<string, string>> }, options?: CallOptions): Promise<string> => {
      const request = { method: 'POST' as const, path: `/servers/${seg(id)}/action`, body: { createImage: body }, version: wish('2.45', 'the id of a new image') };
      return (await service.json(request, z.looseObject({ image_id: z.string() }), options)).image_id;
    },
    interfaces: async (id: string, options?: CallOptions): Promise<Interface[]> =>
      listAll(service, { path: `/servers/${seg(id)}/os-interface`, key: 'interfaceAttachments', item: interfaceSchema, version: WANT }, options),
    attachInterface: async (id: string, body: Readonly<Record<string, unknown>>, options?: CallOptions): Promise<Interface> =>
      (await service.json({ method: 'POST', path: `/servers/${seg(id)}/os-interface`, body: { interfaceAttachment: body }, version: WANT }, envelope('interfaceAttachment', interfaceSchema), options)).interfaceAttachment,
    detachInterface: async (id: string, portId: string, options?: CallOptions): Promise<void> => {
      await service.send({ method: 'DELETE', path: `/servers/${seg(id)}/os-interface/${seg(portId)}`, version: WANT }, options);
    },
    /** In no particular order: sort by `device`. */
    volumeAttachments: async (id: string, options?: CallOptions): Promise<AttachedVolume[]> =>
      listAll(service, { path: `/servers/${seg(id)}/os-volume_attachments`, key: 'volumeAttachments', item: attachedVolumeSchema, version: WANT }, options),
    attachVolume: async (id: string, body: { readonly volumeId: string; readonly device?: string; readonly tag?: string; readonly delete_on_termination?: boolean }, options?: CallOptions): Promise<AttachedVolume> =>
      (await service.json({ method: 'POST', path: `/servers/${seg(id)}/os-volume_attachments`, body: { volumeAttachment: body }, version: WANT }, envelope('volumeAttachment', attachedVolumeSchema), options)).volumeAttachment,
    detachVolume: async (id: string, volumeId: string, options?: CallOptions): Promise<void> => {
      await service.send({ method: 'DELETE', path: `/servers/${seg(id)}/os-volume_attachments/${seg(volumeId)}`, version: WANT }, options);
    },
    setMetadata: async (id: string, metadata: Readonly<Record<string, string>>, options?: CallOptions): Promise<void> => {
      await service.send({ method: 'POST', path: `/servers/${seg(id)}/metadata`, body: { metadata }, version: WANT, safe: true }, options);
    },
    deleteMetadata: async (id: string, key: string, options?: CallOptions): Promise<void> => {
      await service.send({ method: 'DELETE', path: `/servers/${seg(id)}/metadata/${seg(key)}`, version: WANT }, options);
    },
  };
}
