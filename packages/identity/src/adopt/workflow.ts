import { GodwitError } from '@godwit/sites';
import type { StepContext, WorkflowContext, WorkflowDefinition } from '@godwit/workflow';
import type { Deps } from '../deps.ts';
import { bring, deliver, held } from '../keys/deliver.ts';
import { hashOf, sealKey } from '../keys/material.ts';
import { keyKinds, type KeyKind } from '../nodes.ts';
import type { AdoptResult } from '../schemas.ts';
import type { KeyEntry, KeyRecord } from '../store/types.ts';

export interface AdoptInput {
  /** Whose repositories are taken over. */
  readonly node: string;
}

/**
 * adopt: the keys of a Keystone that runs already become the first generation of the star, under the numbers they have, so that every token it
 * has issued stays good and goes on being good at every site that joins. Its site is the star's first member. The keys travel over the agent's
 * mutual TLS, are sealed in the step that reads them, and are in no result.
 */
export function adoptWorkflow(deps: Deps): WorkflowDefinition<AdoptInput, AdoptResult> {
  return {
    name: 'identity-adopt',
    run: async (ctx: WorkflowContext, { node }: AdoptInput) => {
      const { site } = deps.star.node(node);
      const read = await ctx.all('read', keyKinds, (k) => k, (kind, s) => readKeys(deps, kind, node, ctx.jobId, s));
      await ctx.step('first-member', () => deps.store.setMembership(site, 'member', ctx.jobId, deps.clock.now()));
      // The site's other Keystones had better have the same keys already; what else lies there makes way.
      await ctx.step('same-at-its-neighbours', (s) => replaceAll(deps, site, s));
      for (const kind of keyKinds) await ctx.step(`prove-${kind}`, async (s) => deliver(deps, kind, (await deps.store.generation(kind))?.generation ?? 1, 'ProvingAdopted', s));
      const [fernet, credential] = read;
      return { node, site, fernet: fernet?.keys ?? 0, credential: credential?.keys ?? 0 };
    },
  };
}

async function readKeys(deps: Deps, kind: KeyKind, node: string, jobId: string, s: StepContext): Promise<{ keys: number; generation: number }> {
  const current = await deps.store.generation(kind);
  if (current?.jobId === jobId) return { keys: current.entries.length, generation: current.generation };
  if (current) throw adopted(kind);
  s.progress({ phase: 'ReadingKeys', item: kind, message: `of ${node}` });
  const set = await deps.nodes.readKeys(node, kind, s.signal);
  const now = deps.clock.now();
  const indexes = Object.keys(set).map(Number).sort((a, b) => a - b);
  const primary = indexes.at(-1) ?? 0;
  if (indexes.length === 0) throw new GodwitError('GW_KEYS_NONE', 'terminal', `${node} has no ${kind} keys`, { resource: `node ${node}`, action: `Make them there as for any Keystone: keystone-manage ${kind === 'fernet' ? 'fernet_setup' : 'credential_setup'}.` });
  const records: KeyRecord[] = [];
  const entries: KeyEntry[] = [];
  for (const index of indexes) {
    const text = set[String(index)] ?? '';
    // When it stopped signing nobody knows: now at the latest. A key may lie there twice.
    const before = records.find((r) => r.sha256 === hashOf(text));
    const record = before ?? (await sealKey(deps, kind, text, index === 0 || index === primary ? {} : { signsFrom: now.toISOString(), retiredAt: now.toISOString() }));
    if (!before) records.push(record);
    entries.push({ index, id: record.id, sha256: record.sha256 });
  }
  const made = await deps.store.begin({ kind, generation: 1, phase: 'adopted', entries, jobId }, records, now);
  if (!made) throw adopted(kind);
  return { keys: entries.length, generation: 1 };
}

const adopted = (kind: KeyKind): GodwitError => new GodwitError('GW_KEYS_ADOPTED', 'terminal', `the star has ${kind} keys already`, { resource: `${kind} keys`, action: 'Other Keystones join with their site: godwit identity join SITE.' });

async function replaceAll(deps: Deps, site: string, s: StepContext): Promise<{ nodes: number }> {
  const { nodes } = deps.star.site(site);
  for (const kind of keyKinds) await giveKeys(deps, kind, site, s);
  return { nodes: nodes.length };
}

/** The star's keys to all nodes of a site, whatever lies there: for nodes that do not serve yet, or are to be put right. Waits for those that are away. */
export async function giveKeys(deps: Deps, kind: KeyKind, site: string, s: StepContext, only?: string): Promise<void> {
  const wanted = await deps.store.generation(kind);
  if (!wanted) throw new GodwitError('GW_KEYS_NOT_ADOPTED', 'terminal', `the star has no ${kind} keys yet`, { resource: `${kind} keys`, action: 'Take over those of the Keystone that there is: godwit identity adopt.' });
  const nodes = deps.star.site(site).nodes.filter((n) => only === undefined || n.name === only);
  s.progress({ phase: 'DeliveringKeys', item: kind, message: nodes.map((n) => n.name).join(', ') });
  const behind = await bring(deps, wanted, nodes, () => undefined, s.signal, { replace: true });
  // A rotation went on meanwhile: the next try brings what is new.
  if ((await deps.store.generation(kind))?.generation !== wanted.generation) throw new GodwitError('GW_ROTATION_RUNNING', 'waiting', 'the keys were changed meanwhile', { resource: `${kind} keys` });
  if (behind.length > 0) throw held(kind, 'DeliveringKeys', behind);
}

export interface RestoreInput {
  readonly node: string;
}

/** The star's keys back at one node: what a person decides when somebody else's key lies there. */
export function restoreWorkflow(deps: Deps): WorkflowDefinition<RestoreInput, { node: string }> {
  return {
    name: 'identity-restore',
    run: async (ctx: WorkflowContext, { node }: RestoreInput) => {
      const { site } = deps.star.node(node);
      for (const kind of keyKinds) await ctx.step(`give-${kind}`, (s) => giveKeys(deps, kind, site, s, node));
      return { node };
    },
  };
}
