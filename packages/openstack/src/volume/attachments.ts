import { envelope } from '../envelope.ts';
import * as z from 'zod';
import { listAll } from '../paginate.ts';
import { seg, type Service } from '../service.ts';
import type { CallOptions, Query } from '../types.ts';
import { wish } from './version.ts';

export const attachmentSchema = z.looseObject({
  id: z.string(),
  volume_id: z.string(),
  /** Id of the server. */
  instance: z.string().nullish(),
  status: z.string(),
  attach_mode: z.string().nullish(),
});
export type Attachment = z.infer<typeof attachmentSchema>;

const VERSION = wish('3.27', 'attachments of volumes');

export function createAttachments(service: Service) {
  return {
    list: (query: Query = {}, options?: CallOptions): Promise<Attachment[]> =>
      listAll(service, { path: '/attachments/detail', key: 'attachments', item: attachmentSchema, query, version: VERSION }, options),
    get: async (id: string, options?: CallOptions): Promise<Attachment> =>
      (await service.json({ method: 'GET', path: `/attachments/${seg(id)}`, version: VERSION }, envelope('attachment', attachmentSchema), options)).attachment,
    delete: async (id: string, options?: CallOptions): Promise<void> => {
      await service.send({ method: 'DELETE', path: `/attachments/${seg(id)}`, version: VERSION }, options);
    },
  };
}
