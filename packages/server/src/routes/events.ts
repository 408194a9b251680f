import { GodwitError } from '@godwit/sites';
import type { JobEvent } from '@godwit/workflow';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { scopeOf, visibleJob } from '../job-scope.ts';
import { principalOf } from '../plugins/auth.ts';
import { endedStates, eventSchema } from '../schemas.ts';
import { EventStream } from '../sse.ts';
import type { ServerDeps } from '../types.ts';
import type { Routes } from './route.ts';

const querystring = z.strictObject({
  follow: z.enum(['true', 'false']).default('true').describe('false: what there is, as JSON'),
  after: z.coerce.number().int().min(0).optional().describe('events with a greater seq; as the header Last-Event-ID, which goes first'),
  limit: z.coerce.number().int().min(1).max(5000).default(1000).describe('with follow=false'),
});
type Query = z.infer<typeof querystring>;

const response = {
  200: {
    description: 'server-sent events: id is seq, event is type, data is an Event; or a list with follow=false',
    content: { 'text/event-stream': { schema: eventSchema }, 'application/json': { schema: z.object({ events: z.array(eventSchema) }) } },
  },
};

interface Filter {
  readonly jobId?: string;
  readonly labels?: Record<string, string>;
}

export const eventRoutes: Routes = (app, deps) => {
  const closing = new AbortController();
  // Streams have no end of their own: without this a graceful close would wait for their readers.
  app.addHook('preClose', (done) => {
    closing.abort();
    done();
  });

  app.get('/v1/jobs/:job/events', {
    config: { access: 'reader' },
    schema: { tags: ['events'], summary: 'Events of a job; the stream ends when the job has', params: z.object({ job: z.string() }), querystring, response },
    handler: async (request, reply) => {
      const job = await visibleJob(deps.jobs, principalOf(request), request.params.job);
      const filter = { jobId: job.id };
      if (request.query.follow === 'false') return await list(deps, filter, request.query);
      return await stream(deps, closing.signal, filter, request, reply, request.query);
    },
  });

  app.get('/v1/events', {
    config: { access: 'reader' },
    schema: { tags: ['events'], summary: 'Events of all jobs of the project, from now on or after a given one', querystring, response },
    handler: async (request, reply) => {
      const filter = { labels: scopeOf(principalOf(request)) };
      if (request.query.follow === 'false') return await list(deps, filter, request.query);
      return await stream(deps, closing.signal, filter, request, reply, request.query);
    },
  });
};

async function list({ jobs }: ServerDeps, filter: Filter, { after, limit }: Query): Promise<{ events: JobEvent[] }> {
  return { events: await jobs.events({ ...filter, limit, ...(after !== undefined && { after }) }) };
}

async function stream(deps: ServerDeps, closing: AbortSignal, filter: Filter, request: FastifyRequest, reply: FastifyReply, query: Query): Promise<void> {
  const after = lastEventId(request) ?? query.after ?? (filter.jobId === undefined ? undefined : 0);
  reply.hijack();
  const events = new EventStream(reply.raw, { 'x-request-id': request.id }, deps.keepAliveMs ?? 15_000);
  const done = new AbortController();
  const signal = AbortSignal.any([closing, events.signal, done.signal]);
  try {
    const ended = filter.jobId === undefined ? false : await hasEnded(deps, filter.jobId);
    if (ended) await replay(deps, filter, after ?? 0, events, signal);
    else await follow(deps, filter, after, events, signal, done);
  } catch (error) {
    // The head is sent: all that is left is to end the stream, and the client takes it up again.
    if (!signal.aborted) request.log.error({ err: error }, 'event stream broke');
  } finally {
    done.abort();
    events.end();
  }
}

async function follow({ jobs }: ServerDeps, filter: Filter, after: number | undefined, out: EventStream, signal: AbortSignal, done: AbortController): Promise<void> {
  for await (const event of jobs.watch({ ...filter, ...(after !== undefined && { after }) }, signal)) {
    await out.send({ id: event.seq, type: event.type, data: event });
    if (filter.jobId !== undefined && isEnd(event)) {
      done.abort();
      await out.send({ type: 'end', data: {} });
      return;
    }
  }
}

/** All that a finished job left behind; nothing more can come. */
async function replay({ jobs }: ServerDeps, filter: Filter, from: number, out: EventStream, signal: AbortSignal): Promise<void> {
  const page = 500;
  for (let after = from; !signal.aborted; ) {
    const events = await jobs.events({ ...filter, after, limit: page });
    for (const event of events) await out.send({ id: event.seq, type: event.type, data: event });
    const last = events.at(-1);
    if (last === undefined || events.length < page) break;
    after = last.seq;
  }
  await out.send({ type: 'end', data: {} });
}

async function hasEnded({ jobs }: ServerDeps, id: string): Promise<boolean> {
  const job = await jobs.get(id);
  return job === undefined || endedStates.has(job.state);
}

function isEnd(event: JobEvent): boolean {
  if (event.type !== 'state') return false;
  const data = event.data;
  const state = typeof data === 'object' && data !== null && 'state' in data ? data.state : data;
  return typeof state === 'string' && endedStates.has(state);
}

function lastEventId(request: FastifyRequest): number | undefined {
  const value = request.headers['last-event-id'];
  if (value === undefined) return undefined;
  if (typeof value === 'string' && /^\d{1,15}$/.test(value)) return Number(value);
  throw new GodwitError('GW_INVALID_REQUEST', 'terminal', 'Last-Event-ID: not an event’s id', { action: 'Send the id of the last event that was received.' });
}
