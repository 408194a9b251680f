import { projectKey } from '@godwit/sites';
import { describe, expect, it } from 'vitest';
import { FakeJobs } from '../test/fake-jobs.ts';
import { scopeOf, visibleJob } from './job-scope.ts';
import type { Principal } from './types.ts';

const principal = (domain: string, name: string): Principal => ({ userName: 'u', userId: 'u', admin: false, level: 'member', project: { domain, name } }) as Principal;

describe('whose a job is', () => {
  it('is told by the same words as when it was submitted, whatever characters they have', () => {
    for (const [domain, name] of [['Default', 'vnf'], ['a/b', 'c'], ['50%', 'x/y'], ['a%2Fb', 'c']] as const) {
      expect(scopeOf(principal(domain, name))).toEqual({ project: projectKey({ domain, name }) });
    }
  });

  it('domain a/b, project c does not see what is of domain a, project b/c', async () => {
    const jobs = new FakeJobs();
    jobs.add({ id: 'j', labels: { project: projectKey({ domain: 'a', name: 'b/c' }) } });
    await expect(visibleJob(jobs, principal('a', 'b/c'), 'j')).resolves.toMatchObject({ id: 'j' });
    await expect(visibleJob(jobs, principal('a/b', 'c'), 'j')).rejects.toMatchObject({ code: 'GW_JOB_UNKNOWN' });
  });
});
