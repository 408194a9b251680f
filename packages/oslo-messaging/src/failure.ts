import { z } from 'zod';
import { type RemoteError, RpcError, type RpcErrorCode } from './errors.ts';

const failureSchema = z.object({
  class: z.string(),
  module: z.string().nullish(),
  message: z.string().nullish(),
  tb: z.union([z.array(z.string()), z.string()]).nullish(),
  kwargs: z.record(z.string(), z.unknown()).nullish(),
});

const KNOWN: Readonly<Record<string, RpcErrorCode>> = {
  UnsupportedVersion: 'RPC_UNSUPPORTED_VERSION',
  Forbidden: 'RPC_FORBIDDEN',
  NotAuthorized: 'RPC_FORBIDDEN',
  PolicyNotAuthorized: 'RPC_FORBIDDEN',
  AdminRequired: 'RPC_FORBIDDEN',
};

/** Reads the `failure` of a reply: a JSON string (an object is accepted as well). Never throws. */
export function decodeFailure(failure: unknown, method: string): RpcError {
  let value: unknown = failure;
  if (typeof failure === 'string') {
    try {
      value = JSON.parse(failure);
    } catch {
      value = undefined;
    }
  }
  const parsed = failureSchema.safeParse(value);
  if (!parsed.success) return new RpcError('RPC_BAD_REPLY', `${method} failed at the server, with an error that cannot be read.`, { delivered: 'yes' });
  const { class: name, module, message, tb, kwargs } = parsed.data;
  const remote: RemoteError = { class: name, module: module ?? '', message: (message ?? '').trim(), kwargs: kwargs ?? {} };
  const traceback = Array.isArray(tb) ? tb.join('') : tb;
  return new RpcError(KNOWN[name] ?? 'RPC_REMOTE', `${method} failed at the server: ${name}${remote.message ? `: ${remote.message}` : ''}`, {
    remote,
    delivered: 'yes',
    ...(traceback ? { traceback } : {}),
  });
}

/** The error a {@link RpcClient.serve} handler throws to fail as a service would, e.g. `nova.exception.InstanceNotFound`. */
export function remoteFailure(remote: Partial<RemoteError> & { readonly class: string }): RpcError {
  const full: RemoteError = { module: 'builtins', message: '', kwargs: {}, ...remote };
  return new RpcError('RPC_REMOTE', `${full.class}: ${full.message}`, { remote: full, delivered: 'yes' });
}

/** The `failure` of a reply for whatever a handler threw. */
export function encodeFailure(error: unknown): string {
  const remote = error instanceof RpcError ? error.remote : undefined;
  const message = remote?.message ?? (error instanceof Error ? error.message : String(error));
  return JSON.stringify({
    class: remote?.class ?? 'Exception',
    module: remote?.module ?? 'builtins',
    message,
    tb: [`${remote?.class ?? 'Exception'}: ${message}\n`],
    args: [message],
    kwargs: remote?.kwargs ?? {},
  });
}
