// A controller to be killed: boundaries.test.ts runs this file as a process of its own. Engine, workflows and store are the real ones; the nodes are the parent's.
import { GodwitError } from '@godwit/sites';
import { crashHookFromEnv, createEngine } from '@godwit/workflow';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { createIdentity, type IdentityTables, type KeystoneNodes, SqlIdentityStore } from '../src/index.ts';
import type { Answer, Call, Told } from './boundary-nodes.ts';
import { fakeSealer, makeWorld, starConfig } from './world.ts';

const env = process.env;
const url = env['DATABASE_URL'] ?? '';
const tell = (told: Told): void => void process.send?.(told);

const waiting = new Map<number, (answer: Answer) => void>();
process.on('message', (answer: Answer) => {
  waiting.get(answer.id)?.(answer);
  waiting.delete(answer.id);
});
process.on('disconnect', () => process.exit(1));
let calls = 0;
const nodes = new Proxy({} as KeystoneNodes, {
  get: (_target, method: string) => async (...args: unknown[]): Promise<unknown> => {
    const call: Call = { id: ++calls, method, args: args.filter((a) => !(a instanceof AbortSignal)) };
    const answer = await new Promise<Answer>((resolve) => {
      waiting.set(call.id, resolve);
      tell({ call });
    });
    if (!answer.error) return answer.value;
    const { code, kind, message, ...facts } = answer.error;
    throw new GodwitError(code, kind, message, facts);
  },
});

const crash = crashHookFromEnv(env);
const engine = createEngine({
  databaseUrl: url, applicationVersion: 'test', executorId: 'same', queuePollMs: 20, heartbeatMs: 200, deadAfterMs: 60_000, retryPace: 0.02,
  onBoundary: async (at) => {
    tell({ boundary: { workflow: at.workflow, step: at.step, boundary: at.boundary } });
    await crash?.(at);
  },
  log: (level, message) => { if (level === 'error') process.stderr.write(`${message}\n`); },
});
const db = new Kysely<IdentityTables>({ dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: url, max: 2 }) }) });
const { deps } = makeWorld();
const identity = createIdentity({
  engine, config: starConfig(), nodes, store: new SqlIdentityStore(db), sealer: fakeSealer, sites: deps.sites, createCloud: deps.createCloud, log: () => undefined,
  clock: { now: () => new Date(), sleep: (ms) => new Promise((done) => void setTimeout(done, Math.min(ms, 20))) },
});
await engine.start();
const [what = '', node = ''] = (env['SUBMIT'] ?? '').split(' ');
// Asked again by each life that finds no job: the one before may have died as it took it.
if (what !== '' && (await engine.jobs.list({ limit: 1 })).length === 0) {
  if (what === 'adopt') await identity.adopt({ node });
  else if (what === 'repoint') await identity.repoint(node, { seed: false });
  else await identity.rotate(what as 'fernet' | 'credential');
}
