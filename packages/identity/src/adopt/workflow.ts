import { GodwitError } from '@godwit/sites';
import type { StepContext, WorkflowContext, WorkflowDefinition } from '@godwit/workflow';
import type { Deps } from '../deps.ts';
import { bring, countedNodes, deliver, held } from '../keys/deliver.ts';
import { hashOf, sealKey } from '../keys/material.ts';
import { keyKinds, type KeyKind, type KeySet } from '../nodes.ts';
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
 *
 * Nothing is written down before both kinds have been read and the site's other Keystones looked at. Until the site is a member a job that ended
 * half way has bound nobody: the next takes what lies there then.
 */
export function adoptWorkflow(deps: Deps): WorkflowDefinition<AdoptInput, AdoptResult> {
  return {
    name: 'identity-adopt',
    run: async (ctx: WorkflowContext, { node }: AdoptInput) => {
      const { site } = deps.star.node(node);
      const counts = await ctx.step('read', (s) => readKeys(deps, node, ctx.jobId, s));
      await ctx.step('first-member', () => deps.store.setMembership(site, 'member', ctx.jobId, deps.clock.now()));
      // The site's other Keystones had better have the same keys already. What has signed nothing makes way; of another that lies there a person decides.
      for (const kind of keyKinds) await ctx.step(`same-at-its-neighbours-${kind}`, (s) => giveKeys(deps, kind, site, s, { replace: false }));
      for (const kind of keyKinds) await ctx.step(`prove-${kind}`, async (s) => deliver(deps, kind, (await deps.store.generation(kind))?.generation ?? 1, 'ProvingAdopted', s));
      return { node, site, ...counts };
    },
  };
}

async function readKeys(deps: Deps, node: string, jobId: string, s: StepContext): Promise<Pick<AdoptResult, KeyKind>> {
  const bound = (await deps.store.memberships()).some((m) => m.state !== 'left');
  const sets = new Map<KeyKind, KeySet>();
  for (const kind of keyKinds) {
    const current = await deps.store.generation(kind);
    if (bound && current && current.jobId !== jobId) throw adopted(kind);
    s.progress({ phase: 'ReadingKeys', item: kind, message: `of ${node}` });
    const set = await deps.nodes.readKeys(node, kind, s.signal);
    if (Object.keys(set).length === 0) throw new GodwitError('GW_KEYS_NONE', 'terminal', `${node} has no ${kind} keys; nothing was taken over`, { resource: `node ${node}`, action: `Make them there as for any Keystone: keystone-manage ${kind === 'fernet' ? 'fernet_setup' : 'credential_setup'}.` });
    sets.set(kind, set);
  }
  await noForeignNeighbours(deps, node, sets);
  for (const [kind, set] of sets) await keep(deps, kind, set, jobId);
  return { fernet: Object.keys(sets.get('fernet') ?? {}).length, credential: Object.keys(sets.get('credential') ?? {}).length };
}

/** A Keystone beside it with keys of its own has issued tokens that these keys do not open: dropping them would end its users' sessions. */
async function noForeignNeighbours(deps: Deps, node: string, sets: ReadonlyMap<KeyKind, KeySet>): Promise<void> {
  const beside = deps.star.site(deps.star.node(node).site).nodes.filter((n) => n.name !== node);
  const states = new Map((await deps.nodes.list()).map((n) => [n.name, n]));
  for (const [kind, set] of sets) {
    const ours = new Set(Object.values(set).map(hashOf));
    for (const { name, site } of beside) {
      const keys = states.get(name)?.report?.repositories.find((r) => r.kind === kind)?.keys ?? [];
      const foreign = keys.filter((k) => k.index !== '0' && !ours.has(k.sha256)).map((k) => k.index);
      if (foreign.length === 0) continue;
      throw new GodwitError('GW_KEY_FOREIGN', 'terminal', `${name} has ${kind} keys that ${node} does not have (${foreign.join(', ')}): what they have made would be good nowhere; nothing was taken over`, {
        site, resource: `node ${name}`, action: `Copy the keys of the one whose tokens count to the other, or empty the ${kind} repository of ${name}, then try again.`,
      });
    }
  }
}

/** The set becomes the star's next generation. What the same set has become already, by a job that ended half way, stays. */
async function keep(deps: Deps, kind: KeyKind, set: KeySet, jobId: string): Promise<void> {
  const current = await deps.store.generation(kind);
  const indexes = Object.keys(set).map(Number).sort((a, b) => a - b);
  if (current && current.entries.length === indexes.length && current.entries.every((e) => hashOf(set[String(e.index)] ?? '') === e.sha256)) return;
  const now = deps.clock.now();
  const primary = indexes.at(-1) ?? 0;
  const before = new Map((await deps.store.keys(kind)).map((k) => [k.sha256, k.id]));
  const records = new Map<string, KeyRecord>();
  const entries: KeyEntry[] = [];
  for (const index of indexes) {
    const text = set[String(index)] ?? '';
    const sha256 = hashOf(text);
    // When it stopped signing nobody knows: now at the latest. A key may lie there twice.
    const record = records.get(sha256) ?? (await sealKey(deps, kind, text, index === 0 || index === primary ? {} : { signsFrom: now.toISOString(), retiredAt: now.toISOString() }, before.get(sha256)));
    records.set(sha256, record);
    entries.push({ index, id: record.id, sha256 });
  }
  const generation = (current?.generation ?? 0) + 1;
  if (!(await deps.store.begin({ kind, generation, phase: 'adopted', entries, jobId }, [...records.values()], now))) throw adopted(kind);
}

const adopted = (kind: KeyKind): GodwitError => new GodwitError('GW_KEYS_ADOPTED', 'terminal', `the star has ${kind} keys already`, { resource: `${kind} keys`, action: 'Other Keystones join with their site: godwit identity join SITE.' });

/** The star's keys to all nodes of a site. With `replace` whatever lies there: for nodes that do not serve yet, or are to be put right. Waits for those that are away. */
export async function giveKeys(deps: Deps, kind: KeyKind, site: string, s: StepContext, { only, replace = true }: { readonly only?: string; readonly replace?: boolean } = {}): Promise<void> {
  const wanted = await deps.store.generation(kind);
  if (!wanted) throw new GodwitError('GW_KEYS_NOT_ADOPTED', 'terminal', `the star has no ${kind} keys yet`, { resource: `${kind} keys`, action: 'Take over those of the Keystone that there is: godwit identity adopt.' });
  const nodes = deps.star.site(site).nodes.filter((n) => only === undefined || n.name === only);
  s.progress({ phase: 'DeliveringKeys', item: kind, message: nodes.map((n) => n.name).join(', ') });
  const behind = await bring(deps, wanted, nodes, () => undefined, s.signal, { replace });
  // A rotation went on meanwhile: the next try brings what is new.
  if ((await deps.store.generation(kind))?.generation !== wanted.generation) throw new GodwitError('GW_ROTATION_RUNNING', 'waiting', 'the keys were changed meanwhile', { resource: `${kind} keys` });
  if (behind.length > 0) throw held(kind, 'DeliveringKeys', behind);
}

/** A site that has left knows the keys that were; it is given none that are. */
export async function refuseOutsider(deps: Pick<Deps, 'star' | 'store'>, node: string): Promise<void> {
  if ((await countedNodes(deps)).some((n) => n.name === node)) return;
  const { site } = deps.star.node(node);
  throw new GodwitError('GW_STAR_NOT_MEMBER', 'terminal', `${node} is not in the star: its site ${site} has not joined, or has left`, { site, resource: `node ${node}`, action: `godwit identity join ${site} brings it the keys.` });
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
      for (const kind of keyKinds) {
        await ctx.step(`give-${kind}`, async (s) => {
          await refuseOutsider(deps, node);
          await giveKeys(deps, kind, site, s, { only: node });
        });
      }
      return { node };
    },
  };
}
