import { readFile } from 'node:fs/promises';
import { createCloud, loadCloud, type Cloud } from '@godwit/openstack';
import { createRpcClient, type RpcClient } from '@godwit/oslo-messaging';
import { agent, connect, emptyProject, guestReady, openLab } from '@godwit/lab';
import { recordingDispatcher, sendRaw } from './exchange.ts';
import type { Covered } from './covered.ts';
import { observedCloud, observedRpc } from './covered.ts';
import type { As, CloudOptions, Target } from './target.ts';

const sites = ['site1', 'site2'];

/** The lab's two real sites. Runs in the network `ops`: `npm run test:contract -- --lab` brings it there. */
export async function labTarget(covered: Covered): Promise<Target> {
  const lab = openLab();
  if ((await lab.status()).phase !== 'up') throw new Error('the lab is not up: npm run test:contract -- --lab brings it up');
  const dispatcher = recordingDispatcher();
  const rpcs = new Map<string, RpcClient>();
  const urls = new Map(await Promise.all(sites.map(async (site) => [site, (await readFile(lab.paths.rpcUrl(site), 'utf8')).trim()] as const)));
  return {
    kind: 'lab',
    cloud: async (site: string, as: As, options: CloudOptions = {}): Promise<Cloud> => {
      const name = as === 'tenant' ? site : `${site}-${as === 'service' ? 'godwit' : as}`;
      const project = options.project ?? (as === 'service' ? 'service' : undefined);
      const auth = { ...(project === undefined ? {} : { project_name: project }), ...(options.password === undefined ? {} : { password: options.password }) };
      const config = await loadCloud({ cloud: name, env: {}, files: [lab.paths.clouds], overrides: { auth } });
      return observedCloud(createCloud(config, { dispatcher }), covered);
    },
    cloudOf: (config) => observedCloud(createCloud(config, { dispatcher }), covered),
    send: (method, url, headers, body) => sendRaw(dispatcher, method, url, headers, body),
    rpc: (site) => {
      let rpc = rpcs.get(site);
      if (!rpc) rpcs.set(site, (rpc = observedRpc(createRpcClient({ url: urls.get(site) ?? '', name: 'contract suite' }), covered)));
      return rpc;
    },
    computeHost: (site) => lab.sites.find((s) => s.name === site)?.hypervisor ?? '',
    stop: (site, service) => lab.stopService(site, service, { kill: true }),
    start: (site, service) => lab.startService(site, service),
    guestAgent: async (site, server, action) => void (await agent(lab, site, server.ip, action)),
    guestReady: (site, id) => guestReady(lab, site, id),
    reset: async () => {
      await lab.heal();
      for (const site of sites) {
        const services = (await lab.status()).sites.find((s) => s.site === site)?.services ?? [];
        for (const s of services) if (!s.running) await lab.startService(site, s.service);
      }
      await Promise.all(sites.map((site) => emptyProject(lab, site)));
      for (const site of sites) {
        const [admin, stranger] = [await connect(lab, `${site}-admin`), await connect(lab, `${site}-stranger`)];
        await removeLeavings(admin, stranger);
        await Promise.all([admin.close(), stranger.close()]);
      }
    },
    close: async () => {
      for (const rpc of rpcs.values()) await rpc.close();
      await dispatcher.close();
    },
  };
}

/** What a run that was broken off has left beside the tenant's project: kinds of things, and things of project `other`. */
export async function removeLeavings(admin: Cloud, stranger: Cloud): Promise<void> {
  const ours = (thing: { readonly name?: string | null | undefined }): boolean => thing.name?.startsWith('contract') === true;
  for (const type of (await admin.volume.groupTypes.list()).filter(ours)) await admin.volume.groupTypes.delete(type.id);
  for (const flavor of (await admin.compute.flavors.list({ is_public: 'None' })).filter(ours)) await admin.compute.flavors.delete(flavor.id);
  for (const endpoint of (await admin.identity.endpoints.list()).filter((e) => e.region_id?.startsWith('contract'))) await admin.identity.endpoints.delete(endpoint.id);
  for (const region of (await admin.identity.regions.list()).filter((r) => r.id.startsWith('contract'))) await admin.identity.regions.delete(region.id);
  const { compute, image, network, volume, session } = stranger;
  const { userId: user_id, projectId } = await session.token();
  for (const pair of (await admin.compute.keypairs.list({ user_id })).filter(ours)) await admin.compute.keypairs.delete(pair.name, { user_id });
  for (const server of (await compute.servers.list()).filter(ours)) await compute.servers.delete(server.id);
  for (const group of (await compute.serverGroups.list()).filter(ours)) await compute.serverGroups.delete(group.id);
  for (const group of (await network.securityGroups.list({ project_id: projectId })).filter(ours)) await network.securityGroups.delete(group.id);
  for (const group of (await network.addressGroups.list({ project_id: projectId })).filter(ours)) await network.addressGroups.delete(group.id);
  for (const one of (await image.list({ owner: projectId })).filter(ours)) await image.delete(one.id);
  for (const one of (await volume.volumes.list()).filter(ours)) await volume.volumes.delete(one.id);
}
