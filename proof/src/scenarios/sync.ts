import type { Cloud } from '@godwit/openstack';
import type { Unit } from '../world/unit.ts';
import type { Beginning, Scenario } from './scenario.ts';

const publicKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHh0bXNwcm9vZnByb29mcHJvb2Zwcm9vZnByb29mcHJv unit';

const group = async ({ network }: Cloud, name: string): Promise<string> => (await network.securityGroups.list({ name }))[0]?.id ?? '';
const letIn = (cloud: Cloud, to: string, from: string, port: number) =>
  cloud.network.securityGroupRules.create({ security_group_id: to, direction: 'ingress', ethertype: 'IPv4', protocol: 'tcp', port_range_min: port, port_range_max: port, remote_group_id: from });

/**
 * The sites have agreed on two security groups. Since then, at site1, one has gone and the other has changed; a new one names it, and is named by
 * it; and there are a new keypair and a new flavor.
 */
const drifted: Beginning = {
  name: 'security groups, a keypair and a flavor that differ',
  async prepare({ sites, admin, api, succeeds }, { name }) {
    const [cloud, operator] = [await sites.cloud('site1'), await sites.cloud('site1-admin')];
    const { securityGroups } = cloud.network;
    for (const one of ['web', 'old']) await securityGroups.create({ name: `${name}-${one}` });
    await admin.ask('POST', '/v1/sync-policies', {
      name: `${name}-policy`, kinds: ['security-groups', 'flavors', 'keypairs'], sites: ['site1', 'site2'], source: 'site1', names: [`${name}-*`], users: ['Default/tenant'], delete: true,
      // Nothing but the job is to look.
      everySeconds: 86_400,
    });
    await succeeds((await apply({ api, sites }, { n: 0, name })).jobId);
    await securityGroups.delete(await group(cloud, `${name}-old`));
    const web = await group(cloud, `${name}-web`);
    const db = (await securityGroups.create({ name: `${name}-db` })).id;
    await securityGroups.update(web, { description: 'in front' });
    await letIn(cloud, db, web, 5432);
    await letIn(cloud, web, db, 443);
    await cloud.compute.keypairs.create({ name: `${name}-key`, public_key: publicKey });
    await operator.compute.flavors.create({ name: `${name}-flavor`, vcpus: 2, ram: 512, disk: 1 });
  },
};

const apply: Scenario['submit'] = ({ api }, { name }: Unit) => api.ask('POST', `/v1/sync-policies/${name}-policy/apply`, {});

/** What is kept alike at all sites. */
export const scenarios: readonly Scenario[] = [{ name: 'make two sites alike', workflow: 'sync', from: drifted, submit: apply }];
