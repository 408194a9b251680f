import { createHash, randomUUID } from 'node:crypto';
import type { Deps } from '../deps.ts';
import type { KeyKind, KeySet } from '../nodes.ts';
import type { Generation, KeyRecord } from '../store/types.ts';

/** Keys as such: made, sealed for the database, opened to be sent to a node. Nothing here is returned from a step, logged, or put into an error. */

export const hashOf = (key: string): string => createHash('sha256').update(key, 'ascii').digest('hex');

const contextOf = (kind: KeyKind, id: string): string => `identity-key/${kind}/${id}`;

/** As cryptography's Fernet.generate_key() writes it: 32 bytes in base64url, with its `=`. */
export async function newKey(deps: Pick<Deps, 'randomKey' | 'sealer'>, kind: KeyKind): Promise<KeyRecord> {
  const text = deps.randomKey().toString('base64').replaceAll('+', '-').replaceAll('/', '_');
  return sealKey(deps, kind, text);
}

export async function sealKey(deps: Pick<Deps, 'sealer'>, kind: KeyKind, text: string, facts: Pick<KeyRecord, 'signsFrom' | 'retiredAt'> = {}, id: string = randomUUID()): Promise<KeyRecord> {
  return { id, kind, sha256: hashOf(text), sealed: await deps.sealer.seal(Buffer.from(text, 'ascii'), contextOf(kind, id)), ...facts };
}

/** What a node is to be sent: the keys of a generation, and the hashes of all other keys that were ever ours, which may go. */
export async function orderOf(deps: Pick<Deps, 'store' | 'sealer'>, generation: Generation): Promise<{ readonly keys: KeySet; readonly drop: string[] }> {
  const records = await deps.store.keys(generation.kind);
  const byId = new Map(records.map((r) => [r.id, r]));
  const opened = new Map<string, string>();
  for (const { id } of generation.entries) {
    const sealed = byId.get(id)?.sealed;
    if (sealed === undefined) throw new Error(`key ${id} of generation ${generation.generation} is not kept`);
    if (!opened.has(id)) opened.set(id, Buffer.from(await deps.sealer.open(sealed, contextOf(generation.kind, id))).toString('ascii'));
  }
  const kept = new Set(generation.entries.map((e) => e.sha256));
  return {
    keys: Object.fromEntries(generation.entries.map((e) => [String(e.index), opened.get(e.id) ?? ''])),
    drop: records.map((r) => r.sha256).filter((h) => !kept.has(h)).slice(-1_000),
  };
}
