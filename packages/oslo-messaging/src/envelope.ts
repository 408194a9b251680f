import { z } from 'zod';
import { RpcError } from './errors.ts';
import type { RpcContext, RpcMessage } from './types.ts';

/** Where the answer to a call shall go. */
export interface ReplyAddress {
  readonly messageId: string;
  readonly replyQueue: string;
  /** Seconds, or null for no heart-beats. */
  readonly heartbeatSeconds: number | null;
}

const envelopeSchema = z.object({ 'oslo.version': z.string().regex(/^2\./), 'oslo.message': z.string() });
const innerSchema = z.record(z.string(), z.unknown());

const wrap = (inner: Record<string, unknown>): Buffer =>
  Buffer.from(JSON.stringify({ 'oslo.version': '2.0', 'oslo.message': JSON.stringify(inner) }), 'utf8');

function flatten(context: RpcContext): Record<string, unknown> {
  return {
    _context_is_admin: context.isAdmin,
    _context_user_id: context.userId,
    _context_project_id: context.projectId,
    _context_roles: context.roles,
    ...(context.requestId === undefined ? {} : { _context_request_id: context.requestId }),
  };
}

/** Body of a request; a cast when `reply` is left out. `uniqueId` must differ between messages: servers drop a repeated one. */
export function encodeRequest(message: RpcMessage, uniqueId: string, reply?: ReplyAddress): Buffer {
  return wrap({
    method: message.method,
    args: message.args,
    version: message.target.version,
    ...(message.target.namespace === undefined ? {} : { namespace: message.target.namespace }),
    ...(reply ? { _msg_id: reply.messageId, _reply_q: reply.replyQueue, _timeout: reply.heartbeatSeconds } : {}),
    _unique_id: uniqueId,
    ...flatten(message.context),
  });
}

/** Body of a reply, or with `ending: false` of a heart-beat. */
export function encodeReply(reply: { messageId: string; uniqueId: string; result?: unknown; failure?: string; ending: boolean }): Buffer {
  return wrap({
    result: reply.result ?? null,
    failure: reply.failure ?? null,
    ending: reply.ending,
    _msg_id: reply.messageId,
    _unique_id: reply.uniqueId,
  });
}

/**
 * The inner message of a body.
 * @throws RpcError RPC_BAD_REPLY when it is not oslo.messaging's envelope, version 2
 */
export function decodeEnvelope(body: Buffer): Record<string, unknown> {
  try {
    const envelope = envelopeSchema.parse(JSON.parse(body.toString('utf8')));
    return innerSchema.parse(JSON.parse(envelope['oslo.message']));
  } catch (cause) {
    throw new RpcError('RPC_BAD_REPLY', 'Received a message that is not an oslo.messaging 2.0 envelope.', { cause, delivered: 'yes' });
  }
}

const replySchema = z.object({
  _msg_id: z.string(),
  result: z.unknown(),
  failure: z.unknown(),
  ending: z.boolean().optional(),
});

export interface Reply {
  readonly messageId: string;
  readonly result: unknown;
  readonly failure: unknown;
  readonly ending: boolean;
}

/** @throws RpcError RPC_BAD_REPLY */
export function decodeReply(body: Buffer): Reply {
  const parsed = replySchema.safeParse(decodeEnvelope(body));
  if (!parsed.success) throw new RpcError('RPC_BAD_REPLY', 'Received a reply without a message id.', { cause: parsed.error, delivered: 'yes' });
  const { _msg_id: messageId, result, failure, ending } = parsed.data;
  return { messageId, result, failure, ending: ending ?? false };
}

const requestSchema = z.object({
  method: z.string(),
  args: z.record(z.string(), z.unknown()).nullish(),
  version: z.string().nullish(),
  namespace: z.string().nullish(),
  _msg_id: z.string().nullish(),
  _reply_q: z.string().nullish(),
  _timeout: z.number().nullish(),
  _unique_id: z.string().nullish(),
});

export interface Request {
  readonly method: string;
  readonly args: Record<string, unknown>;
  readonly version: string;
  readonly namespace: string | undefined;
  readonly context: Record<string, unknown>;
  readonly uniqueId: string | undefined;
  readonly reply: ReplyAddress | undefined;
}

/** @throws RpcError RPC_BAD_REPLY */
export function decodeRequest(body: Buffer): Request {
  const inner = decodeEnvelope(body);
  const parsed = requestSchema.safeParse(inner);
  if (!parsed.success) throw new RpcError('RPC_BAD_REPLY', 'Received a request without a method.', { cause: parsed.error, delivered: 'yes' });
  const request = parsed.data;
  const context = Object.fromEntries(
    Object.entries(inner).filter(([key]) => key.startsWith('_context_')).map(([key, value]) => [key.slice('_context_'.length), value]),
  );
  return {
    method: request.method,
    args: request.args ?? {},
    version: request.version ?? '1.0',
    namespace: request.namespace ?? undefined,
    context,
    uniqueId: request._unique_id ?? undefined,
    reply: request._msg_id && request._reply_q
      ? { messageId: request._msg_id, replyQueue: request._reply_q, heartbeatSeconds: request._timeout ?? null }
      : undefined,
  };
}
