import { GodwitError, toGodwitError } from '@godwit/sites';
import type { StepContext } from '@godwit/workflow';
import type { Deps } from '../deps.ts';
import { covers, parseGtid } from '../gtid.ts';
import { countedNodes } from '../keys/deliver.ts';

/**
 * Every credential is encrypted with the new primary, at a master. Only then may a credential key go: what is still encrypted with a dropped
 * key is lost for good (keystone/credential/providers/fernet/core.py). All masters have promoted before, so none writes with the old key.
 */
export async function migrateCredentials(deps: Deps, s: StepContext): Promise<{ readonly total: number; readonly gtid: string }> {
  const masters = (await countedNodes(deps)).filter((n) => n.role === 'master');
  const connected = new Set((await deps.nodes.list()).filter((n) => n.connected).map((n) => n.name));
  const reasons: string[] = [];
  for (const node of masters.filter((n) => connected.has(n.name))) {
    s.progress({ phase: 'MigratingCredentials', message: `at ${node.name}` });
    try {
      const { total, stale } = await deps.nodes.migrateCredentials(node.name, s.signal);
      if (stale > 0) throw new GodwitError('GW_CREDENTIALS_STALE', 'retryable', `${stale} of ${total} credentials are still encrypted with an old key`, { site: node.site, resource: `node ${node.name}`, action: 'Look at keystone-manage credential_migrate on that node: a credential that no key opens must be deleted.' });
      const { database } = await deps.nodes.report(node.name, s.signal);
      return { total, gtid: database.gtidCurrent ?? '' };
    } catch (error) {
      s.signal.throwIfAborted();
      const e = toGodwitError(error);
      if (e.code === 'GW_CREDENTIALS_STALE') throw e;
      reasons.push(`${node.name}: ${e.message}`);
    }
  }
  throw new GodwitError('GW_MASTER_AWAY', 'waiting', `no master could encrypt the credentials anew: ${reasons.join('; ') || 'no agent of one is connected'}`, { resource: 'credential keys', action: 'It goes on by itself when one is back; the old key stays meanwhile.' });
}

/** A replica that lags still holds credentials that only the old key opens. */
export async function waitForReplicas(deps: Deps, gtid: string, s: StepContext): Promise<{ readonly replicas: number }> {
  const wanted = parseGtid(gtid);
  const replicas = (await countedNodes(deps)).filter((n) => n.role === 'replica');
  const states = new Map((await deps.nodes.list()).map((n) => [n.name, n]));
  const behind: string[] = [];
  for (const node of replicas) {
    const state = states.get(node.name);
    const database = state?.connected ? (await deps.nodes.report(node.name, s.signal).catch(() => undefined))?.database : undefined;
    const position = parseGtid(database?.gtidSlave ?? database?.gtidCurrent);
    if (database?.role !== 'replica' || position.size === 0 || !covers(position, wanted)) behind.push(node.name);
  }
  s.progress({ phase: 'ReplicatingCredentials', done: replicas.length - behind.length, total: replicas.length });
  if (behind.length === 0) return { replicas: replicas.length };
  throw new GodwitError('GW_REPLICA_BEHIND', 'waiting', `${behind.join(', ')} ${behind.length === 1 ? 'has' : 'have'} not followed the masters yet: the old credential key stays`, { resource: 'credential keys', action: 'It goes on by itself when they have; look at godwit identity status.' });
}
