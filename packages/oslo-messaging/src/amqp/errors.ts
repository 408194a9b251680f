import { RpcError } from '../errors.ts';

const codeOf = (error: unknown): string => String((error as { code?: unknown } | undefined)?.code ?? '');

/** The error's own words; of OpenSSL's line of codes and file names, only the reason. */
export function textOf(error: unknown): string {
  const text = (error instanceof Error ? error.message : String(error)).trim();
  return /error:[0-9A-F]+:[^:]*:[^:]*:([^:]+):/.exec(text)?.[1] ?? text;
}

/** Node's and OpenSSL's codes for a certificate that is not trusted, or a peer that does not speak TLS. */
const isTlsCode = (code: string): boolean =>
  /^(ERR_TLS|ERR_SSL|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|HOSTNAME_MISMATCH|INVALID_CA|EPROTO$)/.test(code);

/** Why a connection could not be opened. */
export function connectError(error: unknown, where: string): RpcError {
  const code = codeOf(error);
  const why = textOf(error);
  if (code === 'ACCESS_REFUSED' || code === 'NOT_ALLOWED')
    return new RpcError('RPC_AUTH', `RabbitMQ at ${where} refused user, password or virtual host: ${why}`, { cause: error });
  if (isTlsCode(code)) return new RpcError('RPC_TLS', `No trusted TLS connection to RabbitMQ at ${where}: ${why} (${code}).`, { cause: error });
  return new RpcError('RPC_UNREACHABLE', `Cannot connect to RabbitMQ at ${where}: ${why || code}.`, { cause: error });
}

/** Why an operation on an open connection failed; `alive`: the connection itself still stands. */
export function operationError(error: unknown, what: string, alive: boolean): RpcError {
  if (error instanceof RpcError) return error;
  const code = codeOf(error);
  if (alive && code === 'NACK') return new RpcError('RPC_NOT_CONFIRMED', `The broker did not confirm what it was asked: ${what}.`, { cause: error, delivered: 'maybe' });
  if (alive && /^(ACCESS_REFUSED|PRECONDITION_FAILED|RESOURCE_LOCKED|NOT_FOUND|NOT_ALLOWED)$/.test(code))
    return new RpcError('RPC_REFUSED', `The broker refused ${what}: ${textOf(error)}`, { cause: error });
  return new RpcError('RPC_DISCONNECTED', `The connection to the broker was lost (asked ${what}): ${textOf(error)}.`, { cause: error, delivered: 'maybe' });
}

export const isNotFound = (error: unknown): boolean => codeOf(error) === 'NOT_FOUND';
