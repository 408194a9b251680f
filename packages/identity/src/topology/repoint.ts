import { GodwitError, toGodwitError } from '@godwit/sites';
import type { StepContext, WorkflowContext, WorkflowDefinition } from '@godwit/workflow';
import type { Deps } from '../deps.ts';
import type { HostPort } from '../nodes.ts';
import type { RepointResult } from '../schemas.ts';
import { chooseSource } from './choose.ts';
import { addressOf, look, sameAddress } from './view.ts';

export interface RepointInput {
  readonly node: string;
  /** A master site; left out: the replica's own if it lives, else another. */
  readonly to?: string;
  /** Not a master of this site: it is leaving. */
  readonly without?: string;
  /** Rebuilt from a dump instead: the replica is not what the masters are. */
  readonly seed: boolean;
}

interface Chosen {
  readonly name: string;
  readonly site: string;
  readonly address: HostPort;
  readonly seed: boolean;
}

/**
 * repoint: choose a living master → follow it from the GTID that the replica is at, so that nothing is lost or doubled → see that it follows.
 * A replica that holds what no master has is rebuilt: transactions are never skipped.
 */
export function repointWorkflow(deps: Deps): WorkflowDefinition<RepointInput, RepointResult> {
  return {
    name: 'identity-repoint',
    run: async (ctx: WorkflowContext, input: RepointInput) => {
      const begun = await ctx.now('begun');
      const chosen = await ctx.step('choose', (s) => choose(deps, input, s));
      const followed = await ctx.step('follow', (s) => follow(deps, input.node, chosen, s));
      if (followed.diverged) await ctx.step('seed', (s) => seed(deps, input.node, chosen, s));
      const seen = await ctx.step('see', (s) => see(deps, input.node, chosen, s));
      await ctx.step('note', () => note(deps, input.node, chosen.site));
      const seconds = ((await ctx.now('ended')).getTime() - begun.getTime()) / 1000;
      return { node: input.node, source: chosen.name, site: chosen.site, seeded: chosen.seed || followed.diverged, seconds, ...(seen.gtid !== undefined && { gtid: seen.gtid }) };
    },
  };
}

async function choose(deps: Deps, input: RepointInput, s: StepContext): Promise<Chosen> {
  s.progress({ phase: 'ChoosingSource', item: input.node });
  const replica = deps.star.node(input.node);
  if (replica.role !== 'replica') throw new GodwitError('GW_NOT_A_REPLICA', 'terminal', `${replica.name} is a master`, { site: replica.site, resource: `node ${replica.name}`, action: 'Only replicas follow a source.' });
  const view = await look(deps);
  const choice = chooseSource(deps, view, replica, { ...(input.to !== undefined && { site: input.to }), ...(input.without !== undefined && { without: input.without }) });
  const address = choice && addressOf(choice.node);
  if (!choice || !address) {
    throw new GodwitError('GW_MASTER_AWAY', 'waiting', `no master${input.to === undefined ? '' : ` at ${input.to}`} is there to feed ${replica.name}`, { site: input.to ?? replica.site, resource: `node ${replica.name}`, action: 'It goes on by itself when one is back: its agent connected, its MariaDB in the primary component and synced.' });
  }
  // A moment's delay between members of the cluster is no loss; what is still missing after some tries is.
  if (choice.ahead > 0 && !input.seed && s.attempt < 4) throw new GodwitError('GW_REPLICA_AHEAD', 'retryable', `${replica.name} is ${choice.ahead} transactions ahead of ${choice.node.name}`, { site: replica.site, resource: `node ${replica.name}` });
  return { name: choice.node.name, site: choice.node.site, address, seed: input.seed || choice.ahead > 0 };
}

async function follow(deps: Deps, node: string, chosen: Chosen, s: StepContext): Promise<{ readonly diverged: boolean }> {
  if (chosen.seed) {
    await seed(deps, node, chosen, s);
    return { diverged: false };
  }
  s.progress({ phase: 'Repointing', item: node, message: `to ${chosen.name}` });
  try {
    const database = await deps.nodes.repoint(node, chosen.address, s.signal);
    return { diverged: database.diverged !== undefined };
  } catch (error) {
    const e = toGodwitError(error);
    if (/DIVERGED/.test(e.code)) return { diverged: true };
    throw e;
  }
}

async function seed(deps: Deps, node: string, chosen: Chosen, s: StepContext): Promise<void> {
  s.progress({ phase: 'Seeding', item: node, message: `from ${chosen.name}` });
  const { site } = deps.star.node(node);
  deps.log('warn', 'a replica is rebuilt from a dump', { node, source: chosen.name });
  await deps.nodes.seed(node, chosen.address, { force: true }, s.signal).catch((e: unknown) => {
    throw toGodwitError(e, { site, resource: `node ${node}` });
  });
}

/** It follows, from there, with both threads: read from the replica itself. */
export async function see(deps: Deps, node: string, source: { readonly name: string; readonly address: HostPort }, s: StepContext): Promise<{ readonly gtid: string | undefined }> {
  s.progress({ phase: 'ProvingReplica', item: node });
  const { site } = deps.star.node(node);
  const { database } = await deps.nodes.report(node, s.signal);
  const follows = database.role === 'replica' && database.ioRunning === true && database.sqlRunning === true && sameAddress(database.source, source.address);
  if (follows && database.diverged === undefined) return { gtid: database.gtidSlave };
  const why = database.diverged ?? database.lastError?.message ?? (sameAddress(database.source, source.address) ? 'it is not connected yet' : 'it follows another');
  throw new GodwitError('GW_REPLICA_NOT_FOLLOWING', 'retryable', `${node} does not follow ${source.name}: ${why}`, { site, resource: `node ${node}`, action: 'Look at SHOW REPLICA STATUS there, and whether it reaches the source’s port with the replication user.' });
}

async function note(deps: Deps, node: string, site: string): Promise<void> {
  const own = deps.star.node(node).source;
  await deps.store.setDetour(node, own === site ? undefined : site, deps.clock.now());
}
