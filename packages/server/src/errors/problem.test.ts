import { describe, expect, it } from 'vitest';
import { toProblem } from './problem.ts';

describe('what is thrown in a route', () => {
  it('the database’s absence passes, and shows nothing of the database', () => {
    const problem = toProblem(Object.assign(new Error('terminating connection of godwit@db.internal'), { code: '57P01' }), 'req-1');
    expect(problem).toMatchObject({ status: 503, code: 'GW_DATABASE', kind: 'retryable' });
    expect(JSON.stringify(problem)).not.toContain('db.internal');
  });

  it('anything else that is not known is a defect', () => {
    expect(toProblem(new Error('boom'), 'req-1')).toMatchObject({ status: 500, code: 'GW_INTERNAL' });
  });
});
