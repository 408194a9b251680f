import type { Component, SiteFacts } from '../engine/types.ts';
import { configDir, keyFolder, nodeOf, readyPort, socketOf, type NodeNumber } from './plan.ts';
import { keystoneManage } from './keystone-node.ts';
import { agentUser, replicationUser } from './users.ts';

export const agentConfig = (n: NodeNumber): string => `/etc/godwit/agent-${String(n)}.json`;
export const agentState = (n: NodeNumber): string => `/var/lib/godwit-agent-${String(n)}`;

const passwordFile = (n: NodeNumber, of: string): string => `/etc/godwit/agent-${String(n)}-${of}`;

/** Godwit's agent, as a node's unit runs it: small heaps, and as the user whose the keys are. */
export const agentCommand = (n: NodeNumber, ...argv: string[]): string[] => [
  '/opt/godwit/bin/node', '--lite-mode', '--max-semi-space-size=1', '/opt/godwit/dist/godwit-agent.mjs', ...argv, '--config', agentConfig(n),
];

/** JSON: the agent then does without its YAML reader. */
const config = (facts: SiteFacts, n: NodeNumber): string =>
  JSON.stringify({
    stateDir: agentState(n),
    ready: { listen: `${facts.site.ip}:${String(readyPort(n))}` },
    keystone: {
      fernet: { repository: keyFolder(n, 'fernet') },
      credential: { repository: keyFolder(n, 'credential') },
      config: [`${configDir(n)}/keystone.conf`],
      manage: keystoneManage(n),
      // For taking over the keys that the lab made by hand.
      handOver: nodeOf(facts, n).role === 'master',
      database: {
        socket: socketOf(n), user: agentUser, passwordFile: passwordFile(n, 'db'), database: 'keystone',
        replication: { user: replicationUser, passwordFile: passwordFile(n, 'replication') }, maxLagSeconds: 60,
      },
    },
  });

/** The agent of Keystone N: it runs only after somebody has enrolled it with a controller. */
function agent(n: NodeNumber): Component {
  const secret = { owner: 'root:keystone', mode: 0o640 };
  return {
    name: `agent-${n}`,
    files: (facts) => [
      { path: agentConfig(n), content: config(facts, n), ...secret },
      { path: passwordFile(n, 'db'), content: facts.secrets.get(`star/db/${agentUser}`), ...secret },
      { path: passwordFile(n, 'replication'), content: facts.secrets.get(`star/db/${replicationUser}`), ...secret },
    ],
    init: [],
    services: [
      {
        name: `agent-${n}`,
        user: 'keystone',
        needs: [],
        command: () => agentCommand(n, 'run'),
        async ready({ relay, site }) {
          await relay.http(`http://${site.ip}:${String(readyPort(n))}/ready`, { timeoutMs: 5_000 });
          return undefined;
        },
      },
    ],
  };
}

export const agent1 = agent(1);
export const agent2 = agent(2);
