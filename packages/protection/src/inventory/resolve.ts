import { isOpenStackError } from '@godwit/openstack';
import { at, GodwitError, type ProjectRef, type Site } from '@godwit/sites';
import type { Member } from '../schemas.ts';
import { readServer, unknownServer } from './read-server.ts';
import type { ServerRecord } from './types.ts';

/** Finds servers by name or id in a project; the order given is the group's order. All that is wrong is in one error each. */
export async function resolveMembers(site: Site, project: ProjectRef, wanted: readonly string[]): Promise<Member[]> {
  const servers = await at(site.name, async () => {
    const tenant = site.asProject(project);
    await reachProject(site, project);
    // all_tenants is not asked for: an admin's list is then the scoped project's own.
    return tenant.compute.servers.list();
  });
  const members = wanted.map((name, order): Member => {
    const found = servers.filter((s) => s.id === name || s.name === name);
    if (found.length > 1) {
      throw new GodwitError('GW_MEMBER_AMBIGUOUS', 'terminal', `${site.name}: ${found.length} servers are called ${name}`, {
        site: site.name,
        resource: `server ${name}`,
        action: `Name it by id: ${found.map((s) => s.id).join(', ')}.`,
      });
    }
    const server = found[0];
    if (!server) throw unknownServer(site.name, name);
    return { serverId: server.id, name: server.name, order };
  });
  const seen = new Set<string>();
  for (const m of members) {
    if (seen.has(m.serverId)) {
      throw new GodwitError('GW_MEMBER_TWICE', 'terminal', `server ${m.name} is named twice`, { site: site.name, resource: `server ${m.serverId}`, action: 'Name each member once.' });
    }
    seen.add(m.serverId);
  }
  return members;
}

/** Keystone answers a user without a role in a project as it answers a wrong password; the difference matters to whoever must act. */
export async function reachProject(site: Site, project: ProjectRef): Promise<void> {
  try {
    await site.asProject(project).session.token();
  } catch (cause) {
    if (!isOpenStackError(cause, 'OS_UNAUTHORIZED')) throw cause;
    await site.admin.session.token(); // its own fault shows here
    throw new GodwitError('GW_PROJECT_NOT_SERVED', 'terminal', `${site.name}: Godwit’s user has no role in project ${project.name} of domain ${project.domain}`, {
      site: site.name,
      resource: `project ${project.name}`,
      action: 'Have the operator give it the roles named in docs/operators/roles.md there.',
      cause,
    });
  }
}

/** Reads every member, side by side. */
export function readMembers(site: Site, project: ProjectRef, members: readonly Member[]): Promise<ServerRecord[]> {
  const tenant = site.asProject(project);
  return Promise.all([...members].sort((a, b) => a.order - b.order).map((m) => readServer(site.name, tenant, m.serverId, m.order)));
}
