import { GodwitError } from '@godwit/sites';
import type { Job, JobState } from '@godwit/workflow';
import { z } from 'zod';
import { scopeOf, visibleJob } from '../job-scope.ts';
import { principalOf } from '../plugins/auth.ts';
import { endedStates, jobSchema, jobStates, jobSummarySchema } from '../schemas.ts';
import type { Routes } from './route.ts';

const params = z.object({ job: z.string() });
const isState = (s: string): s is JobState => (jobStates as readonly string[]).includes(s);
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const querystring = z.strictObject({
  state: z.string().optional().describe(`one or more of ${jobStates.join(', ')}, with commas between`),
  group: z.string().optional().describe('name or id'),
  limit: z.coerce.number().int().min(1).max(500).default(50),
  before: z.string().optional().describe('id of a job: those created before it'),
});

export const jobRoutes: Routes = (app, { jobs, protection }) => {
  app.get('/v1/jobs', {
    config: { access: 'reader' },
    schema: { tags: ['jobs'], summary: 'Jobs of the project, newest first', querystring, response: { 200: z.object({ jobs: z.array(jobSummarySchema) }) } },
    handler: async (request) => {
      const caller = principalOf(request);
      const { state, group, limit, before } = request.query;
      const labels = scopeOf(caller);
      // A deleted group has no name any more, but its jobs still carry its id.
      if (group !== undefined) labels['group'] = uuid.test(group) ? group : (await protection.getGroup(caller, group)).id;
      const found = await jobs.list({ labels, limit, ...(state !== undefined && { state: statesOf(state) }), ...(before !== undefined && { before }) });
      return { jobs: found.map(summary) };
    },
  });

  app.get('/v1/jobs/:job', {
    config: { access: 'reader' },
    schema: { tags: ['jobs'], summary: 'One job, with its steps and progress', params, response: { 200: jobSchema } },
    handler: async (request) => detail(await visibleJob(jobs, principalOf(request), request.params.job)),
  });

  app.post('/v1/jobs/:job/cancel', {
    config: { access: 'member' },
    schema: {
      tags: ['jobs'],
      summary: 'Asks a job to stop; what it has begun is undone. A freeze under way is finished first',
      params,
      body: z.strictObject({}),
      response: { 202: jobSchema },
    },
    handler: async (request, reply) => {
      const caller = principalOf(request);
      const { id } = await visibleJob(jobs, caller, request.params.job);
      const asked = await jobs.cancel(id);
      const job = await visibleJob(jobs, caller, id);
      if (!asked && endedStates.has(job.state)) throw ended(job);
      return await reply.code(202).send(detail(job));
    },
  });
};

function statesOf(text: string): JobState[] {
  const states = text.split(',').map((s) => s.trim());
  const wrong = states.filter((s) => !isState(s));
  if (wrong.length === 0) return states.filter(isState);
  throw new GodwitError('GW_INVALID_REQUEST', 'terminal', `state: there is no ${wrong.join(', ')}; states: ${jobStates.join(', ')}`, {
    action: 'Correct the request; /openapi.json describes it.',
  });
}

const ended = (job: Job): GodwitError =>
  new GodwitError('GW_JOB_ENDED', 'terminal', `job ${job.id} has ended already: ${job.state}`, { resource: `job ${job.id}`, action: 'Nothing; see godwit job show for how it ended.' });

/** A job's input stays inside: it is the workflow's own, and no interface. */
function summary(job: Job): z.infer<typeof jobSummarySchema> {
  const { id, workflow, state, labels, error, createdAt, startedAt, endedAt } = job;
  return { id, workflow, state, labels, createdAt, ...(error && { error }), ...(startedAt !== undefined && { startedAt }), ...(endedAt !== undefined && { endedAt }) };
}

function detail(job: Job): z.infer<typeof jobSchema> {
  return { ...summary(job), ...(job.result !== undefined && { result: job.result }), progress: [...job.progress], steps: [...job.steps] };
}
