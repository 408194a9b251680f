import { fileURLToPath } from 'node:url';
import { createCloud, type Cloud, type CloudConfig } from '@godwit/openstack';
import { createRpcClient, type RpcClient } from '@godwit/oslo-messaging';
import { startEmulator, type InjectedFault } from '@godwit/emulator';
import { observedCloud, observedRpc, type Covered } from './covered.ts';
import { recordingDispatcher, sendRaw } from './exchange.ts';
import type { As, CloudOptions, Target } from './target.ts';

const topology = fileURLToPath(new URL('../../lab/topologies/two-site.yaml', import.meta.url));

/** Two emulated sites, made of the lab's own topology. */
export async function emulatorTarget(covered: Covered): Promise<Target> {
  const emulator = await startEmulator({ topology, speed: 50, seed: 'contract' });
  const dispatcher = recordingDispatcher();
  const rpcs = new Map<string, RpcClient>();
  const faults = new Map<string, InjectedFault>();
  const lift = (name: string): void => {
    faults.get(name)?.lift();
    faults.delete(name);
  };
  const cloudOf = (config: CloudConfig): Cloud => observedCloud(createCloud(config, { dispatcher }), covered);
  return {
    kind: 'emulator',
    cloud: async (site: string, as: As, options: CloudOptions = {}): Promise<Cloud> => {
      const name = as === 'tenant' ? site : `${site}-${as === 'service' ? 'godwit' : as}`;
      const entry = emulator.clouds()[name];
      if (!entry) throw new Error(`the emulator has no cloud ${name}`);
      const { auth } = entry;
      return Promise.resolve(
        cloudOf({
          name,
          auth: {
            type: 'password', authUrl: auth.auth_url, username: auth.username, password: options.password ?? auth.password,
            projectName: options.project ?? (as === 'service' ? 'service' : auth.project_name), userDomainName: auth.user_domain_name, projectDomainName: auth.project_domain_name,
          },
          regionName: entry.region_name,
          interface: 'public',
          endpointOverrides: {},
          tls: { verify: true },
        }),
      );
    },
    cloudOf,
    send: (method, url, headers, body) => sendRaw(dispatcher, method, url, headers, body),
    rpc: (site) => {
      let rpc = rpcs.get(site);
      if (!rpc) rpcs.set(site, (rpc = observedRpc(createRpcClient({ url: emulator.rpcUrl(site), name: 'contract suite' }), covered)));
      return rpc;
    },
    computeHost: (site) => emulator.site(site).spec.hypervisor,
    stop: async (site, daemon) => {
      faults.set(`${site}/${daemon}`, emulator.inject({ kind: 'daemon-down', site, daemon }));
      return Promise.resolve();
    },
    start: async (site, daemon) => Promise.resolve(lift(`${site}/${daemon}`)),
    guestAgent: async (site, server, action) => {
      const name = `${site}/${server.id}`;
      lift(name);
      if (action === 'stop' || action === 'kill') faults.set(name, emulator.inject({ kind: 'guest-agent', site, server: server.id, how: action === 'stop' ? 'hung' : 'absent' }));
      return Promise.resolve();
    },
    guestReady: async () => Promise.resolve(),
    reset: async () => Promise.resolve(),
    close: async () => {
      for (const rpc of rpcs.values()) await rpc.close();
      await dispatcher.close();
      await emulator.close();
    },
  };
}
