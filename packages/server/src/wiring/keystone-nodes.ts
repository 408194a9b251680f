import { type AgentHub, type AgentInfo, type AgentReport, keystone, type KeystoneReport } from '@godwit/agent-hub';
import type { KeystoneNodes, NodeReport, NodeState } from '@godwit/identity';
import { GodwitError } from '@godwit/sites';

/** What identity asks of Keystone nodes, by their agents. */
export function keystoneNodes(hub: AgentHub, now: () => Date = () => new Date()): KeystoneNodes {
  return {
    async list() {
      return (await hub.list({ role: 'keystone' })).filter((a) => a.state === 'active').map(toState);
    },
    async report(node, signal) {
      const report = await hub.call(node, keystone.report, {}, signal);
      const { report: whole, skewMs = 0 } = await hub.get(node);
      const at = now();
      // A fresh answer has no clock of its own: the node's is ours and the difference that its last report had.
      return toReport(report, at, new Date(at.getTime() + skewMs), whole?.agentVersion ?? '');
    },
    applyKeys: (node, { kind, generation, keys, drop }, signal) => hub.call(node, keystone.applyKeys, { kind, generation, keys: { ...keys }, drop: [...drop] }, signal),
    async readKeys(node, kind, signal) {
      return (await hub.call(node, keystone.readKeys, { kind }, signal)).keys;
    },
    migrateCredentials: (node, signal) => hub.call(node, keystone.migrateCredentials, {}, signal),
    repoint: (node, source, signal) => hub.call(node, keystone.repoint, { source: { ...source } }, signal),
    seed: (node, source, { force }, signal) => hub.call(node, keystone.seed, { source: { ...source }, force }, signal),
    async hold(node, reason, signal) {
      await hub.call(node, keystone.hold, { reason }, signal);
    },
  };
}

function toState({ name, site, connected, lastSeen, skewMs = 0, report }: AgentInfo): NodeState {
  return {
    name,
    site,
    connected,
    ...(lastSeen && { lastSeen: lastSeen.toISOString() }),
    ...(lastSeen && report?.keystone && { report: toReport(report.keystone, lastSeen, clockOf(report, lastSeen, skewMs), report.agentVersion) }),
  };
}

const clockOf = (report: AgentReport, at: Date, skewMs: number): Date => (Number.isNaN(Date.parse(report.at)) ? new Date(at.getTime() + skewMs) : new Date(report.at));

function toReport({ repositories, database, diskFreeBytes, settings, ready, held }: KeystoneReport, at: Date, clock: Date, agentVersion: string): NodeReport {
  return {
    at: at.toISOString(),
    clock: clock.toISOString(),
    agentVersion,
    repositories,
    database,
    diskFreeBytes,
    ready,
    ...(settings && { keystone: settings }),
    ...(held !== undefined && { held }),
  };
}

export const noAgents = (): GodwitError => new GodwitError('GW_AGENTS_NOT_CONFIGURED', 'terminal', 'this controller has no agents', { action: 'Configure `agents` and `secrets` in godwit.yaml: docs/operators/configuration.md.' });
