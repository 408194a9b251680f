import { callerProject, projectKey, projectOf, type ProjectRef } from '@godwit/sites';
import type { Engine } from '@godwit/workflow';
import type { Deps } from './deps.ts';
import { imageService } from './images/service.ts';
import { adminOnly, type Caller } from './project.ts';
import { policyService } from './policies/service.ts';
import { quotaService } from './quotas/service.ts';
import { readinessService } from './readiness/service.ts';
import type { ResourcesService } from './service-types.ts';
import { syncService } from './sync/service.ts';
import { addressConflicts, readInventory } from './views/inventory.ts';
import { inventoryQuerySchema, viewQuerySchema, type ViewQuery } from './views/schemas.ts';
import { readUsage } from './views/usage.ts';

export interface ResourcesOptions extends Deps {
  /** Not started yet: workflows are defined on it here. */
  readonly engine: Engine;
}

/** Use case 4. Defines its workflows on the engine, so call it before engine.start(). */
export function createResources(options: ResourcesOptions): ResourcesService {
  const { engine, ...deps } = options;
  const images = imageService(deps, engine);
  const policies = policyService(deps, engine, images);
  const sync = syncService(deps, engine);
  const quotas = quotaService(deps);
  const readiness = readinessService(deps, images, sync);
  const parts = [policies, sync, quotas];
  return {
    ...images.api,
    ...policies.api,
    ...sync.api,
    ...quotas.api,
    ...readiness.api,
    inventory: async (caller, query) => {
      const { project, allProjects, ...rest } = inventoryQuerySchema.parse(query);
      return readInventory(deps, viewed(caller, { project, allProjects }), rest);
    },
    addressConflicts: async (caller, query) => addressConflicts(deps, viewed(caller, viewQuerySchema.parse(query))),
    usage: (caller) => readUsage(deps, callerProject(caller), caller.admin),
    start: () => {
      for (const part of parts) part.start();
    },
    close: async () => {
      await Promise.all(parts.map((part) => part.close()));
    },
  };
}

/** Whose things are looked at; undefined: everybody's. */
function viewed(caller: Caller, { project, allProjects }: ViewQuery): ProjectRef | undefined {
  if (allProjects === 'true') {
    adminOnly(caller, 'what all projects have');
    return undefined;
  }
  if (project === undefined) return callerProject(caller);
  if (!caller.project || project !== projectKey(caller.project)) adminOnly(caller, 'what another project has');
  return projectOf(project);
}
