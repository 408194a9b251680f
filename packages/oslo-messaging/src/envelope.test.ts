import { describe, expect, it } from 'vitest';
import { decodeRequest, encodeRequest } from './envelope.ts';
import { decodeFailure, encodeFailure, remoteFailure } from './failure.ts';
import { message } from './testing/fixtures.ts';

const inner = (body: Buffer): Record<string, unknown> => {
  const envelope = JSON.parse(body.toString()) as Record<string, string>;
  expect(envelope['oslo.version']).toBe('2.0');
  return JSON.parse(envelope['oslo.message'] ?? '') as Record<string, unknown>;
};

describe('a request', () => {
  it('is written as oslo.messaging writes it: the context flattened, no message id in a cast', () => {
    expect(inner(encodeRequest(message('ping', { args: { a: 1 } }), 'id1'))).toEqual({
      method: 'ping', args: { a: 1 }, version: '6.0', _unique_id: 'id1',
      _context_is_admin: true, _context_user_id: 'u', _context_project_id: 'p', _context_roles: ['admin'],
    });
  });

  it('of a call names where to answer, and null for no heart-beats', () => {
    const body = encodeRequest(message('ping'), 'id1', { messageId: 'm', replyQueue: 'reply_x', heartbeatSeconds: null });
    expect(inner(body)).toMatchObject({ _msg_id: 'm', _reply_q: 'reply_x', _timeout: null });
  });

  it('carries a namespace and a request id only if there is one', () => {
    const base = message('ping');
    const body = encodeRequest({ ...base, target: { ...base.target, namespace: 'ns' }, context: { ...base.context, requestId: 'req-1' } }, 'i');
    expect(inner(body)).toMatchObject({ namespace: 'ns', _context_request_id: 'req-1' });
    expect(inner(encodeRequest(base, 'i'))).not.toHaveProperty('namespace');
  });

  it('is read back with its context', () => {
    expect(decodeRequest(encodeRequest(message('ping', { args: { ü: '✓' } }), 'i'))).toMatchObject({
      method: 'ping', args: { ü: '✓' }, version: '6.0', uniqueId: 'i', reply: undefined, context: { is_admin: true, roles: ['admin'] },
    });
  });

  it.each(['', '{}', '[]', '{"oslo.version":"3.0","oslo.message":"{}"}', '{"oslo.version":"2.0","oslo.message":"[1]"}'])('that is no envelope is refused: %s', (text) => {
    expect(() => decodeRequest(Buffer.from(text))).toThrow(expect.objectContaining({ code: 'RPC_BAD_REPLY' }));
  });
});

describe('a failure', () => {
  const failure = JSON.stringify({
    class: 'InstanceQuiesceFailed', module: 'nova.exception', message: 'Failed to quiesce: agent\nTraceback', tb: ['line 1\n', 'line 2\n'], args: [], kwargs: { reason: 'agent', code: 409 },
  });

  it('is a JSON string, and becomes a typed error with the traceback out of sight', () => {
    const error = decodeFailure(failure, 'quiesce');
    expect(error).toMatchObject({
      code: 'RPC_REMOTE', kind: 'terminal', delivered: 'yes',
      remote: { class: 'InstanceQuiesceFailed', module: 'nova.exception', kwargs: { reason: 'agent', code: 409 } },
    });
    expect(error.traceback).toBe('line 1\nline 2\n');
    expect(Object.keys(error)).not.toContain('traceback');
    expect(JSON.stringify(error)).not.toContain('line 1');
  });

  it.each([['UnsupportedVersion', 'RPC_UNSUPPORTED_VERSION'], ['Forbidden', 'RPC_FORBIDDEN'], ['InstanceNotFound', 'RPC_REMOTE']])('of class %s has code %s', (name, code) => {
    expect(decodeFailure(JSON.stringify({ class: name }), 'x').code).toBe(code);
  });

  it.each(['not json', '{}', 'null', '5', { no: 'class' }])('that cannot be read is an error still: %s', (broken) => {
    expect(decodeFailure(broken, 'x')).toMatchObject({ code: 'RPC_BAD_REPLY' });
  });

  it('thrown by a handler arrives as the same remote error', () => {
    const sent = remoteFailure({ class: 'InstanceNotFound', module: 'nova.exception', message: 'no', kwargs: { instance_id: 'i' } });
    expect(decodeFailure(encodeFailure(sent), 'x').remote).toEqual(sent.remote);
    expect(decodeFailure(encodeFailure(new Error('boom')), 'x').remote).toMatchObject({ class: 'Exception', module: 'builtins', message: 'boom' });
  });
});
