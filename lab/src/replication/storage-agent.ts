import type { Component, SiteContext } from '../engine/types.ts';
import { agentUser, pool } from './plan.ts';

/** A user of the site that is nothing else: what it may do is what its keyring says. */
export const storageAgentUser = 'daemon';
export const storageAgentState = '/var/lib/godwit-agent-storage';
const configFile = '/etc/godwit/agent-storage.json';
const keyring = `/etc/ceph/ceph.client.${agentUser}.keyring`;
const readyPort = 5031;

export const storageAgentCommand = (...argv: string[]): string[] => ['/opt/godwit/bin/node', '--lite-mode', '--max-semi-space-size=1', '/opt/godwit/dist/godwit-agent.mjs', ...argv, '--config', configFile];

/** The keyring of least privilege that docs/operators/agent.md names. */
async function keyringOf({ execOk }: SiteContext): Promise<void> {
  await execOk(['ceph', '--connect-timeout', '30', 'auth', 'get-or-create', `client.${agentUser}`, 'mon', 'profile rbd', 'osd', `profile rbd pool=${pool}`, 'mgr', `profile rbd pool=${pool}`, '-o', keyring]);
  await execOk(['chown', `${storageAgentUser}:${storageAgentUser}`, keyring]);
  await execOk(['chmod', '600', keyring]);
}

/** Godwit's agent at a node that reaches the site's Ceph: it runs only after somebody has enrolled it with a controller. */
export const storageAgent: Component = {
  name: 'storage-agent',
  files: ({ site }) => [
    {
      path: configFile,
      owner: `root:${storageAgentUser}`,
      mode: 0o640,
      content: JSON.stringify({ stateDir: storageAgentState, ready: { listen: `${site.ip}:${String(readyPort)}` }, storage: { pools: [pool], user: agentUser, keyring } }),
    },
  ],
  init: [],
  services: [
    {
      name: 'storage-agent',
      user: storageAgentUser,
      needs: ['rbd-mirror'],
      command: () => storageAgentCommand('run'),
      prepare: keyringOf,
      async ready({ relay, site }) {
        await relay.http(`http://${site.ip}:${String(readyPort)}/ready`, { timeoutMs: 5_000 });
        return undefined;
      },
    },
  ],
};
