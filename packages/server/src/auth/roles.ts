import { GodwitError } from '@godwit/sites';
import { type Identity, type Level, levels, type Principal, type RoleNames } from '../types.ts';

export const defaultRoles: RoleNames = { admin: ['admin'], member: ['member'], reader: ['reader'] };

/** The highest level that the token's roles grant. Keystone compares role names without regard to case; so do we. */
export function levelOf(roles: readonly string[], names: RoleNames): Level | undefined {
  const held = new Set(roles.map((r) => r.toLowerCase()));
  return levels.toReversed().find((level) => names[level].some((name) => held.has(name.toLowerCase())));
}

export const includes = (have: Level, need: Level): boolean => levels.indexOf(have) >= levels.indexOf(need);

/**
 * Who asks, if they may. A token of a domain counts as one without a project: an admin of one domain must not become an admin
 * of every project. Throws GW_NO_PROJECT, GW_ROLE_REQUIRED.
 */
export function authorize(identity: Identity, need: Level, names: RoleNames): Principal {
  const level = levelOf(identity.roles, names);
  if (identity.project === undefined && !(identity.system && level === 'admin')) {
    throw new GodwitError('GW_NO_PROJECT', 'terminal', `the token of ${identity.userName} is not scoped to a project`, {
      site: identity.site,
      action: 'Ask Keystone for a token of a project: set OS_PROJECT_NAME and OS_PROJECT_DOMAIN_NAME.',
    });
  }
  if (level === undefined || !includes(level, need)) {
    const needed = names[need].join(' or ');
    const where = identity.project ? ` in project ${identity.project.domain}/${identity.project.name}` : '';
    throw new GodwitError('GW_ROLE_REQUIRED', 'terminal', `${identity.userName} needs the role ${needed}${where} for this`, {
      site: identity.site,
      resource: `role ${needed}`,
      action: `Have the role assigned: openstack role add --user ${identity.userName} --project … ${names[need][0] ?? need}`,
      details: { needed: names[need], held: identity.roles },
    });
  }
  return {
    userId: identity.userId,
    userName: identity.userName,
    ...(identity.userDomain !== undefined && { userDomain: identity.userDomain }),
    ...(identity.project && { project: identity.project }),
    admin: level === 'admin',
    level,
  };
}
