import type { ServiceDefinition } from '../http/service.ts';
import { credentialRoutes } from './application-credentials.ts';
import { assignmentRoutes } from './assignments.ts';
import { keystoneFormat } from './format.ts';
import { resourceRoutes } from './resources.ts';
import { seedKeystone } from './seed.ts';
import type { KeystoneState } from './state.ts';
import { tokenRoutes } from './token-routes.ts';
import { read } from './tokens.ts';
import { versionRoutes } from './versions.ts';

/** Keystone v3, as of 2025.1. */
export const keystone: ServiceDefinition<KeystoneState> = {
  name: 'identity',
  catalog: [{ type: 'identity', name: 'keystone', path: '/v3' }],
  prefix: '/v3',
  errors: keystoneFormat,
  rootRoutes: versionRoutes,
  routes: [...tokenRoutes, ...assignmentRoutes, ...credentialRoutes, ...resourceRoutes],
  createState(site) {
    const state = seedKeystone(site);
    const named = <T extends { name?: string; domain_id?: unknown }>(map: Map<string, T>, name: string): T | undefined => [...map.values()].find((x) => x.name === name && x.domain_id === 'default');
    site.parts.identity = {
      authenticate: (token) => read(state, site, token)?.context,
      project: (id) => {
        const found = state.projects.get(id);
        return found && { id, name: found.name, domainId: found.domain_id };
      },
      projectNamed: (name) => named(state.projects, name),
      userNamed: (name) => named(state.users, name),
    };
    return state;
  },
};
