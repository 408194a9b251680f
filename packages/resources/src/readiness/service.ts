import { callerProject, type ProjectRef } from '@godwit/sites';
import type { Deps } from '../deps.ts';
import type { ImageService } from '../images/service.ts';
import { type Caller } from '../project.ts';
import type { JobRef, ResourcesService } from '../service-types.ts';
import type { SyncService } from '../sync/service.ts';
import { checkReadiness, narrowed, needsAsPolicies } from './check.ts';
import { readinessRequestSchema, type ReadinessNeeds } from './schemas.ts';

const userOf = (caller: Caller): ProjectRef | undefined => (caller.userDomain === undefined ? undefined : { name: caller.userName, domain: caller.userDomain });

export function readinessService(deps: Deps, images: ImageService, sync: SyncService): { readonly api: Pick<ResourcesService, 'readiness' | 'makeReady'> } {
  const needsOf = (request: Parameters<ResourcesService['readiness']>[1]): ReadinessNeeds => {
    const needs = readinessRequestSchema.parse(request);
    deps.sites.get(needs.at);
    deps.sites.get(needs.from);
    return needs;
  };
  return {
    api: {
      readiness: (caller, request) => checkReadiness(deps, callerProject(caller), userOf(caller), needsOf(request)),
      async makeReady(caller, request) {
        const needs = needsOf(request);
        const project = callerProject(caller);
        const { missing } = await checkReadiness(deps, project, userOf(caller), needs);
        // Flavors are for everybody at a site: whoever is no administrator is told, not helped.
        const ours = missing.filter((m) => m.repairable && (m.what !== 'flavors' || caller.admin));
        const jobs: JobRef[] = [];
        for (const { name } of ours.filter((m) => m.what === 'images')) jobs.push(await images.clone({ project, from: needs.from, image: name, to: [needs.at], method: 'auto', replace: false, admin: caller.admin }));
        for (const active of needsAsPolicies(needs, project, userOf(caller))) {
          const kind = active.policy.kinds.at(-1);
          const names = ours.filter((m) => m.what === kind).map((m) => m.name);
          if (names.length > 0) jobs.push(await sync.once(project, await narrowed(deps, active, [...new Set(names)])));
        }
        return { jobs, left: missing.filter((m) => !ours.includes(m)) };
      },
    },
  };
}
