import { OPENSTACK_ERROR_CODES, OpenStackError } from '@godwit/openstack';
import { RPC_ERRORS, RpcError, type RpcErrorCode } from '@godwit/oslo-messaging';
import { describe, expect, it } from 'vitest';
import { GodwitError } from '../src/errors.ts';
import { at, meanings, toGodwitError } from '../src/translate.ts';

describe('errors of the clients below', () => {
  const codes = [...OPENSTACK_ERROR_CODES, ...Object.keys(RPC_ERRORS)];

  it.each(codes)('%s has a meaning and says what to do', (code) => {
    expect(meanings[code]?.code).toMatch(/^GW_[A-Z_]+$/);
    expect(meanings[code]?.action).toMatch(/\.$|check\.$/);
  });

  it('no meaning is given to a code that nobody has', () => {
    expect(Object.keys(meanings).filter((code) => !codes.includes(code))).toEqual([]);
  });

  it('keep kind and request id, and are told where', () => {
    const error = toGodwitError(new OpenStackError({ code: 'OS_UNAVAILABLE', kind: 'retryable', message: 'volume: no', requestId: 'req-1' }), { site: 'site1', resource: 'volume 7' });
    expect(error).toMatchObject({ code: 'GW_SITE_ERROR', kind: 'retryable', message: 'site1: volume: no', site: 'site1', resource: 'volume 7', requestId: 'req-1' });
    const code: RpcErrorCode = 'RPC_TIMEOUT';
    expect(toGodwitError(new RpcError(code, 'late'), { site: 'site1' })).toMatchObject({ code: 'GW_DAEMON_SILENT', kind: RPC_ERRORS[code] });
  });

  it('what is ours already stays; what has no code is a defect', async () => {
    const ours = new GodwitError('GW_QUOTA', 'terminal', 'full', { site: 'site2' });
    await expect(at('site1', () => Promise.reject(ours))).rejects.toBe(ours);
    expect(toGodwitError(new TypeError('x is not a function'))).toMatchObject({ code: 'GW_INTERNAL', kind: 'retryable' });
    expect(toGodwitError('text')).toMatchObject({ code: 'GW_INTERNAL', message: 'text' });
  });
});
