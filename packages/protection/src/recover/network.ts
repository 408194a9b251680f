import type { Cloud, Network } from '@godwit/openstack';

/**
 * The network of that name that the project may use: its own, else one that is shared with it, else an external one. Godwit's user
 * sees other projects' networks as well, and a member must never be plugged into one of those.
 */
export async function usableNetwork(tenant: Cloud, name: string): Promise<Network | undefined> {
  const { projectId } = await tenant.session.token();
  const named = (await tenant.network.networks.list({ name })).filter((n) => n.name === name);
  return named.find((n) => (n.project_id ?? n.tenant_id) === projectId) ?? named.find((n) => n.shared === true) ?? named.find((n) => n['router:external'] === true);
}
