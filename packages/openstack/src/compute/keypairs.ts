import * as z from 'zod';
import { maybe, orElse } from '../fields.ts';
import { listAll } from '../paginate.ts';
import { seg, type Service } from '../service.ts';
import type { CallOptions, Query } from '../types.ts';
import { WANT, wish } from './version.ts';

export const keypairSchema = z.looseObject({
  name: z.string(),
  public_key: z.string(),
  fingerprint: z.string(),
  type: orElse(z.string(), 'ssh'),
  user_id: maybe(z.string()),
});
export type Keypair = z.infer<typeof keypairSchema>;

export interface KeypairCreate {
  readonly name: string;
  readonly public_key: string;
  readonly type?: 'ssh' | 'x509';
  /** Another user's, for administrators. */
  readonly user_id?: string;
}

const one = z.looseObject({ keypair: keypairSchema });

/** Keypairs belong to a user, not to a project. */
export function createKeypairs(service: Service) {
  return {
    list: async (query: Query = {}, options?: CallOptions): Promise<Keypair[]> =>
      (await listAll(service, { path: '/os-keypairs', key: 'keypairs', item: one, query, version: WANT }, options)).map((item) => item.keypair),
    get: async (name: string, { user_id, ...options }: CallOptions & { user_id?: string } = {}): Promise<Keypair> =>
      (await service.json({ method: 'GET', path: `/os-keypairs/${seg(name)}`, query: { user_id }, version: WANT }, one, options)).keypair,
    create: async (body: KeypairCreate, options?: CallOptions): Promise<Keypair> =>
      (await service.json({ method: 'POST', path: '/os-keypairs', body: { keypair: body }, version: body.user_id ? wish('2.10', "another user's keypair") : WANT }, one, options)).keypair,
    delete: async (name: string, { user_id, ...options }: CallOptions & { user_id?: string } = {}): Promise<void> => {
      await service.send({ method: 'DELETE', path: `/os-keypairs/${seg(name)}`, query: { user_id }, version: WANT }, options);
    },
  };
}
