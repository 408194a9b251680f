import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeWorld, spec, type World } from '../test/world.ts';

let world: World;
let url: string;
let job: string;

beforeEach(async () => {
  world = await makeWorld({ keepAliveMs: 30 });
  url = await world.app.listen({ host: '127.0.0.1', port: 0 });
  await world.app.inject({ method: 'POST', url: '/v1/groups', headers: { 'x-auth-token': 'tok-member' }, payload: spec });
  job = (await world.app.inject({ method: 'POST', url: '/v1/groups/vnf/protect', headers: { 'x-auth-token': 'tok-member' } })).json<{ jobId: string }>().jobId;
});
afterEach(() => world.app.close());

async function open(path: string, headers: Record<string, string> = {}) {
  const stop = new AbortController();
  const response = await fetch(`${url}${path}`, { headers: { 'x-auth-token': 'tok-reader', ...headers }, signal: stop.signal });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  /** Reads until the text matches, or to the end. */
  const until = async (pattern?: RegExp): Promise<string> => {
    while (!pattern?.test(text)) {
      const chunk = await reader?.read();
      if (!chunk || chunk.done) return text;
      text += chunk.value;
    }
    return text;
  };
  return { response, until, stop: () => stop.abort() };
}

const ids = (text: string): number[] => [...text.matchAll(/^id: (\d+)$/gm)].map((m) => Number(m[1]));

describe('events of a job', () => {
  it('come as they happen, and the stream ends with the job', async () => {
    world.jobs.update(job, { state: 'running' });
    const stream = await open(`/v1/jobs/${job}/events`);
    expect(stream.response.headers.get('content-type')).toContain('text/event-stream');
    await stream.until(/running/);
    world.jobs.emit(job, 'progress', { phase: 'quiescing' });
    await stream.until(/quiescing/);
    world.jobs.update(job, { state: 'succeeded' });
    const text = await stream.until();
    expect(ids(text)).toEqual([1, 2, 3]);
    expect(text).toMatch(/event: progress\ndata: \{"seq":2/);
    expect(text).toMatch(/event: end\ndata: \{\}\n\n$/);
    await expect.poll(() => world.jobs.watchers).toBe(0);
  });

  it('go on after the one named last', async () => {
    for (const phase of ['a', 'b', 'c']) world.jobs.emit(job, 'progress', { phase });
    world.jobs.update(job, { state: 'failed' });
    expect(ids(await (await open(`/v1/jobs/${job}/events`, { 'last-event-id': '2' })).until())).toEqual([3, 4]);
    expect(ids(await (await open(`/v1/jobs/${job}/events?after=3`)).until())).toEqual([4]);
  });

  it('of a job that ended long ago come in full, however many', async () => {
    for (let i = 0; i < 1200; i += 1) world.jobs.emit(job, 'log', { message: `${i}` });
    world.jobs.update(job, { state: 'succeeded' });
    const found = ids(await (await open(`/v1/jobs/${job}/events`)).until());
    expect(found).toHaveLength(1201);
    expect(found).toEqual(found.toSorted((a, b) => a - b));
  });

  it('a quiet stream is kept open by comments', async () => {
    const stream = await open(`/v1/jobs/${job}/events`);
    expect(await stream.until(/keep-alive[^]*keep-alive/)).toContain(': keep-alive\n\n');
    stream.stop();
    await expect.poll(() => world.jobs.watchers).toBe(0);
  });

  it('a Last-Event-ID that is none is refused before the stream begins', async () => {
    const { response } = await open(`/v1/jobs/${job}/events`, { 'last-event-id': 'x' });
    expect(response.status).toBe(400);
  });
});

describe('events of all jobs', () => {
  it('begin now, and show only the caller’s project', async () => {
    world.jobs.emit(job, 'log', { message: 'before' });
    world.jobs.add({ id: 'theirs', labels: { project: 'Default/other' } });
    const stream = await open('/v1/events');
    await expect.poll(() => world.jobs.watchers).toBe(1);
    world.jobs.emit('theirs', 'log', { message: 'secret of others' });
    world.jobs.emit(job, 'log', { message: 'ours' });
    const text = await stream.until(/ours/);
    expect(text).not.toMatch(/secret of others|before/);
    stream.stop();
  });

  it('do not hold up a graceful close', async () => {
    const stream = await open('/v1/events');
    const start = performance.now();
    await Promise.all([world.app.close(), stream.until()]);
    expect(performance.now() - start).toBeLessThan(1000);
    await sleep(0);
    expect(world.jobs.watchers).toBe(0);
  });
});
