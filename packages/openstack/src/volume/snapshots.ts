import * as z from 'zod';
import { orElse, stringMap } from '../fields.ts';
import { listAll } from '../paginate.ts';
import { seg, type Service } from '../service.ts';
import type { CallOptions, Query } from '../types.ts';
import { WANT } from './version.ts';

export const snapshotSchema = z.looseObject({
  id: z.string(),
  name: z.string().nullish(),
  description: z.string().nullish(),
  status: z.string(),
  /** GiB. */
  size: z.number(),
  volume_id: z.string(),
  group_snapshot_id: z.string().nullish(),
  metadata: orElse(stringMap(), {}),
  created_at: z.string().nullish(),
  updated_at: z.string().nullish(),
  'os-extended-snapshot-attributes:progress': z.string().nullish(),
  'os-extended-snapshot-attributes:project_id': z.string().nullish(),
});
export type Snapshot = z.infer<typeof snapshotSchema>;

export interface SnapshotCreate {
  readonly volume_id: string;
  readonly name?: string;
  readonly description?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Of a volume in use. Since 3.66 always so, and no longer sent. */
  readonly force?: boolean;
}

const one = z.looseObject({ snapshot: snapshotSchema });

export function createSnapshots(service: Service) {
  return {
    list: (query: Query = {}, options?: CallOptions): Promise<Snapshot[]> =>
      listAll(service, { path: '/snapshots/detail', key: 'snapshots', item: snapshotSchema, query, version: WANT }, options),
    get: async (id: string, options?: CallOptions): Promise<Snapshot> =>
      (await service.json({ method: 'GET', path: `/snapshots/${seg(id)}`, version: WANT }, one, options)).snapshot,
    /** Accepted, not made: look at its status until `available` or `error`. */
    create: async ({ force, ...body }: SnapshotCreate, options?: CallOptions): Promise<Snapshot> => {
      // 3.66 refuses `force: false` and ignores `force: true`: what came before needs it for a volume in use.
      const snapshot = force ? { ...body, force: true } : body;
      return (await service.json({ method: 'POST', path: '/snapshots', body: { snapshot }, version: WANT }, one, options)).snapshot;
    },
    update: async (id: string, body: { readonly name?: string; readonly description?: string }, options?: CallOptions): Promise<Snapshot> =>
      (await service.json({ method: 'PUT', path: `/snapshots/${seg(id)}`, body: { snapshot: body }, version: WANT }, one, options)).snapshot,
    delete: async (id: string, options?: CallOptions): Promise<void> => {
      await service.send({ method: 'DELETE', path: `/snapshots/${seg(id)}`, version: WANT }, options);
    },
    resetStatus: async (id: string, status: string, options?: CallOptions): Promise<void> => {
      await service.send({ method: 'POST', path: `/snapshots/${seg(id)}/action`, body: { 'os-reset_status': { status } }, version: WANT }, options);
    },
  };
}
