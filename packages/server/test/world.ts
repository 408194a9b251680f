import { randomUUID } from 'node:crypto';
import type { GroupSpec } from '@godwit/protection';
import pino from 'pino';
import { authenticator, createServer, type ServerDeps } from '../src/index.ts';
import { FakeAgents } from './fake-agents.ts';
import { FakeIdentity } from './fake-identity.ts';
import { FakeJobs } from './fake-jobs.ts';
import { FakeProtection } from './fake-protection.ts';
import { FakeSites, type FakeToken } from './fake-sites.ts';

export function fakeToken(user: string, roles: string[], project?: string, extra: Partial<FakeToken> = {}): FakeToken {
  return {
    userId: `id-${user}`,
    userName: user,
    ...(project !== undefined && { projectName: project, projectDomainName: 'Default' }),
    roles,
    systemScope: false,
    expiresAt: new Date('2099-01-01T00:00:00Z'),
    ...extra,
  };
}

/** Tokens that every world knows, all of site1's Keystone. */
export const tokens = {
  reader: fakeToken('rita', ['reader'], 'vnf'),
  member: fakeToken('mark', ['member', 'reader'], 'vnf'),
  admin: fakeToken('anna', ['admin'], 'admin'),
  stranger: fakeToken('sven', ['member'], 'other'),
  norole: fakeToken('nora', ['load-balancer_member'], 'vnf'),
  unscoped: fakeToken('uwe', []),
  domain: fakeToken('dora', ['admin']),
  system: fakeToken('sid', ['admin'], undefined, { systemScope: true }),
};
export type TokenName = keyof typeof tokens;

export const spec: GroupSpec = { name: 'vnf', site: 'site1', recoverySite: 'site2', members: ['vm1', 'vm2'] };

/** A server over fakes, with the real authenticator. `logged` is all that it wrote to its log. */
export async function makeWorld(overrides: Partial<ServerDeps> = {}) {
  const sites = new FakeSites(['site1', 'site2']);
  for (const [name, token] of Object.entries(tokens)) sites.keystone('site1').tokens.set(`tok-${name}`, token);
  const jobs = new FakeJobs();
  const protection = new FakeProtection(jobs, sites);
  const agents = new FakeAgents();
  const identity = new FakeIdentity((workflow, labels) => {
    const { id } = jobs.add({ id: randomUUID(), workflow, key: 'identity', labels });
    protection.play(id);
    return id;
  });
  const lines: string[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) });
  const app = await createServer({
    protection,
    identity,
    sites,
    jobs,
    agents,
    authenticate: authenticator({ sites, log, timeoutMs: 200, downTimeoutMs: 50 }),
    log,
    clock: () => new Date(),
    version: '1.2.3',
    strictAnswers: true,
    ...overrides,
  });
  return { app, sites, jobs, agents, protection, identity, logged: () => lines.join('') };
}
export type World = Awaited<ReturnType<typeof makeWorld>>;
