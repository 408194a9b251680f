import { callerProject, GodwitError, projectKey, type ProjectRef } from '@godwit/sites';
import type { Engine } from '@godwit/workflow';
import type { Deps } from '../deps.ts';
import type { JobRef, ResourcesService } from '../service-types.ts';
import { cloneWorkflow, type CloneInput } from './clone.ts';
import { findImage, refuseUnfit } from './find.ts';
import { Pulls } from './pull.ts';
import { marks } from './record.ts';
import { cloneRequestSchema } from './schemas.ts';

export interface ImageService {
  readonly api: Pick<ResourcesService, 'cloneImage' | 'pullImage' | 'openPull'>;
  /** Begins a clone; what is wrong with the source is said at once, not by a job. */
  readonly clone: (input: CloneInput) => Promise<JobRef>;
  /** The clones of an image that are under way. */
  readonly underWay: (project: ProjectRef, imageName: string) => Promise<readonly string[]>;
}

export function imageService(deps: Deps, engine: Engine): ImageService {
  const { sites } = deps;
  const workflow = engine.define(cloneWorkflow(deps));
  const pulls = new Pulls(deps);

  const clone = async (input: CloneInput): Promise<JobRef> => {
    const source = sites.get(input.from);
    const to = [...new Set(input.to)];
    for (const site of to) sites.get(site);
    if (to.includes(input.from)) throw new GodwitError('GW_SAME_SITE', 'terminal', `image ${input.image} is to be cloned from ${input.from} to itself`, { site: input.from, action: 'Name other sites.' });
    const image = await findImage(source, input.project, input.image);
    refuseUnfit(input.from, image);
    const origin = image[marks.origin];
    const project = projectKey(input.project);
    const jobId = await workflow.submit(
      { ...input, image: image.id, to },
      { key: `image/${project}/${typeof origin === 'string' ? origin : image.id}`, labels: { project, kind: 'image-clone', image: image.name ?? image.id } },
    );
    return { jobId };
  };

  return {
    clone,
    underWay: async (project, image) => (await engine.jobs.list({ workflow: 'image-clone', labels: { project: projectKey(project), image }, state: ['queued', 'running', 'cancelling'] })).map((j) => j.id),
    api: {
      cloneImage: async (caller, raw) => {
        const request = cloneRequestSchema.parse(raw);
        return clone({ project: callerProject(caller), ...request, admin: caller.admin });
      },
      pullImage: (caller, token, request, address) => pulls.pull(token, callerProject(caller), request, address),
      openPull: (secret) => pulls.open(secret),
    },
  };
}
