import { OpenStackError } from '@godwit/openstack';
import { describe, expect, it } from 'vitest';
import { toProblem } from './problem.ts';

describe('what is thrown in a route', () => {
  it('the database’s absence passes, and shows nothing of the database', () => {
    const problem = toProblem(Object.assign(new Error('terminating connection of godwit@db.internal'), { code: '57P01' }), 'req-1');
    expect(problem).toMatchObject({ status: 503, code: 'GW_DATABASE', kind: 'retryable' });
    expect(JSON.stringify(problem)).not.toContain('db.internal');
  });

  it('a site’s refusal that nothing translated on its way is told as that', () => {
    const refused = new OpenStackError({ code: 'OS_FORBIDDEN', kind: 'terminal', message: 'compute: POST /servers: not allowed', service: 'compute', method: 'POST', path: '/servers', status: 403, requestId: 'req-9' });
    expect(toProblem(refused, 'req-1')).toMatchObject({ status: 502, code: 'GW_SITE_FORBIDDEN', requestId: 'req-9' });
  });

  it('anything else that is not known is a defect', () => {
    expect(toProblem(new Error('boom'), 'req-1')).toMatchObject({ status: 500, code: 'GW_INTERNAL' });
  });
});
