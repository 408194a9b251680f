import { describe, expect, it } from 'vitest';
import type { DatabaseReport, RepositoryReport } from '../protocol/keystone.ts';
import { type ReadinessInput, unready } from './readiness.ts';

const repository: RepositoryReport = { kind: 'fernet', path: '/k', generation: 3, keys: [], problems: [] };
const replica: DatabaseReport = { role: 'replica', source: { host: 'm1', port: 3306 }, ioRunning: true, sqlRunning: true, lagSeconds: 0, problems: [] };
const good: ReadinessInput = { repositories: [repository], database: replica, watched: true, maxLagSeconds: 60, held: null, ageMs: 0 };
const codes = (input: Partial<ReadinessInput>): string[] => unready({ ...good, ...input }).map((p) => p.code);
const problem = (code: string): Partial<ReadinessInput> => ({ repositories: [{ ...repository, problems: [{ code, message: 'x' }] }] });

describe('a node', () => {
  it.each([
    ['that is well', {}],
    ['whose source is away: it serves what it has', { database: { ...replica, ioRunning: false, lagSeconds: undefined } as never }],
    ['with a stray file', problem('GW_AGENT_REPO_STRAY')],
    ['with a mode that is too open', problem('GW_AGENT_REPO_OWNER')],
    ['whose database is not watched', { watched: false, database: { role: 'none', problems: [] } as DatabaseReport }],
  ])('%s is ready', (_what, input) => expect(codes(input)).toEqual([]));

  it.each([
    ['held', { held: 'left out' }, 'GW_AGENT_HELD'],
    ['not looked at', { ageMs: 20_000 }, 'GW_AGENT_STALE'],
    ['without an order', { repositories: [{ ...repository, generation: 0 }] }, 'GW_AGENT_REPO_UNORDERED'],
    ['with an edited key', problem('GW_AGENT_REPO_EDITED'), 'GW_AGENT_REPO_EDITED'],
    ['with a foreign key', problem('GW_AGENT_REPO_FOREIGN'), 'GW_AGENT_REPO_FOREIGN'],
    ['whose database does not answer', { database: { role: 'none', problems: [] } as DatabaseReport }, 'GW_AGENT_DATABASE_AWAY'],
    ['whose replica has diverged', { database: { ...replica, diverged: '1062' } }, 'GW_AGENT_DIVERGED'],
    ['whose replica applies nothing', { database: { ...replica, sqlRunning: false } }, 'GW_AGENT_REPLICATION'],
    ['whose replica is too far behind', { database: { ...replica, lagSeconds: 61 } }, 'GW_AGENT_LAG'],
    ['outside the primary cluster', { database: { role: 'member', cluster: { size: 1, status: 'non-Primary', ready: false, state: 'Initialized' }, problems: [] } as DatabaseReport }, 'GW_AGENT_CLUSTER'],
  ])('%s is not', (_what, input, code) => expect(codes(input)).toEqual([code]));
});
