import { readFileSync } from 'node:fs';
import { AgentError } from '@godwit/agent';
import { storageInProcess, type StorageInProcess } from '@godwit/agent/testing';
import { storageNodes } from '@godwit/server';
import { GodwitError, type GodwitConfig } from '@godwit/sites';
import type { StorageNodes } from '@godwit/protection';

interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The storage agents of emulated sites, in the controller's own process: the real role and its commands, over the emulator's `rbd`. */
export function emulatedStorage(config: GodwitConfig): StorageNodes {
  const agents = new Map<string, StorageInProcess>();
  for (const [site, { cloudsFile = '' }] of Object.entries(config.sites)) {
    const origin = (): string => /auth_url: (https?:\/\/[^/]+)/.exec(readFileSync(cloudsFile, 'utf8'))?.[1] ?? '';
    const ask = async <T>(path: string, body?: object): Promise<T> => (await fetch(`${origin()}/_emulator/${path}`, body ? { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } } : {})).json() as Promise<T>;
    agents.set(site, storageInProcess((args, _signal, options) => ask<Answer>('rbd', { site, args, digest: options?.digest === true }), async () => (await ask<{ text: string }>(`ceph-conf?site=${site}`)).text));
  }
  const agentOf = (name: string): StorageInProcess => {
    const agent = agents.get(name.replace(/^storage-/, ''));
    if (!agent) throw new Error(`no agent ${name}`);
    return agent;
  };
  const call: Parameters<typeof storageNodes>[0]['call'] = async (name, command, args, signal) => {
    try {
      return await agentOf(name).call(command, args, signal);
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      throw new GodwitError(error.code as `GW_${string}`, error.kind, `agent ${name}: ${error.message}`, { site: name.replace(/^storage-/, ''), ...(error.action !== undefined && { action: error.action }), cause: error });
    }
  };
  const at = new Date();
  return storageNodes({
    call,
    list: async () => Promise.all([...agents].map(async ([site, agent]) => {
      const base = { id: site, name: `storage-${site}`, site, role: 'storage' as const, state: 'active' as const, controllers: ['here'], enrolledAt: at, certificateExpiresAt: at };
      const report = await agent.call((await import('@godwit/agent')).storage.report, {});
      // Of a site that is dead nothing is connected.
      return report.problems.length > 0 ? { ...base, connected: false } : { ...base, connected: true, lastSeen: at, skewMs: 0, report: { at: at.toISOString(), agentVersion: '0', uptimeSeconds: 1, rssBytes: 1, storage: report } };
    })),
  });
}
