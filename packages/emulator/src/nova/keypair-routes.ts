import { createHash } from 'node:crypto';
import { z } from 'zod';
import { ApiError, badRequest, conflict, notFound } from '../errors.ts';
import { bodyOf } from '../http/body.ts';
import { pageOf } from '../http/paging.ts';
import { type Json, ok, type Route } from '../http/service.ts';
import type { NCall } from './lookup.ts';
import { type Keypair, type NovaState, quotaOf } from './state.ts';
import { micros } from './views.ts';

/** Another user's, for administrators (2.10). */
function ownerOf({ token, query, micro }: NCall, verb: string): string {
  const wanted = micro >= 10 ? query.get('user_id') : null;
  if (wanted === null || wanted === token.userId) return token.userId;
  if (!token.admin) throw new ApiError(403, `Policy doesn't allow os_compute_api:os-keypairs:${verb} to be performed.`);
  return wanted;
}

function keypairOf(call: NCall, verb: string): Keypair {
  const name = call.params['name'] ?? '';
  const owner = ownerOf(call, verb);
  const found = call.state.keypairs.get(`${owner}/${name}`);
  if (!found) throw notFound(`Keypair ${name} not found for user ${owner}`);
  return found;
}

const view = ({ micro }: NCall, k: Keypair): Json => ({ name: k.name, public_key: k.publicKey, fingerprint: k.fingerprint, ...(micro >= 2 && { type: k.type }) });
const full = (call: NCall, k: Keypair): Json => ({ ...view(call, k), user_id: k.userId, id: k.id, created_at: micros(k.created), updated_at: null, deleted: false, deleted_at: null });

const schema = z.object({ keypair: z.looseObject({ name: z.string().min(1).max(255), public_key: z.string().optional(), type: z.enum(['ssh', 'x509']).default('ssh'), user_id: z.string().optional() }) });

/** MD5 of the key's bytes, as ssh-keygen showed it. @throws ApiError 400 */
function fingerprintOf(publicKey: string): string {
  const [kind = '', data = ''] = publicKey.trim().split(/\s+/);
  const bytes = Buffer.from(data, 'base64');
  if (!/^(ssh|ecdsa|sk)-/.test(kind) || bytes.length < 16) throw badRequest('Keypair data is invalid: failed to generate fingerprint');
  return createHash('md5').update(bytes).digest('hex').replace(/..(?=.)/g, '$&:');
}

export const keypairRoutes: readonly Route<NovaState>[] = [
  {
    method: 'GET', path: '/os-keypairs', policy: 'any',
    handler: (call) => {
      const owner = ownerOf(call, 'index');
      const { page } = pageOf([...call.state.keypairs.values()].filter((k) => k.userId === owner).sort((a, b) => (a.name < b.name ? -1 : 1)), call.query, (k) => k.name);
      return ok({ keypairs: page.map((k) => ({ keypair: view(call, k) })) });
    },
  },
  { method: 'GET', path: '/os-keypairs/:name', policy: 'any', handler: (call) => ok({ keypair: full(call, keypairOf(call, 'show')) }) },
  {
    method: 'POST', path: '/os-keypairs', policy: 'any',
    handler: (call) => {
      const { keypair: wanted } = bodyOf(schema, call.body);
      const { token, state, site } = call;
      const owner = wanted.user_id ?? token.userId;
      if (owner !== token.userId && !token.admin) throw new ApiError(403, "Policy doesn't allow os_compute_api:os-keypairs:create to be performed.");
      if (wanted.public_key === undefined) throw badRequest("Invalid input for field/attribute keypair. 'public_key' is a required property");
      const fingerprint = fingerprintOf(wanted.public_key);
      if (state.keypairs.has(`${owner}/${wanted.name}`)) throw conflict(`Key pair '${wanted.name}' already exists.`);
      const limit = quotaOf(state, token.projectId ?? '')['key_pairs'] ?? -1;
      if (limit >= 0 && [...state.keypairs.values()].filter((k) => k.userId === owner).length >= limit) throw new ApiError(403, 'Quota exceeded, too many key pairs.');
      state.counters.keypairs += 1;
      const keypair: Keypair = { name: wanted.name, userId: owner, publicKey: wanted.public_key, fingerprint, type: wanted.type, id: state.counters.keypairs, created: site.now() };
      state.keypairs.set(`${owner}/${wanted.name}`, keypair);
      return { status: call.micro >= 2 ? 201 : 200, body: { keypair: { ...view(call, keypair), user_id: owner } } };
    },
  },
  {
    method: 'DELETE', path: '/os-keypairs/:name', policy: 'any',
    handler: (call) => {
      const keypair = keypairOf(call, 'delete');
      call.state.keypairs.delete(`${keypair.userId}/${keypair.name}`);
      return { status: call.micro >= 2 ? 204 : 202 };
    },
  },
];
