import type { IncomingMessage } from 'node:http';
import type { z } from 'zod';
import { ApiError, badRequest } from '../errors.ts';
import type { Json } from './service.ts';

const MOST = 1024 * 1024;

/** The JSON object of a request; none is an empty one. @throws ApiError 400, 413 */
export async function readJson(request: IncomingMessage, arrays = false): Promise<Json> {
  if (request.headers['content-length'] === '0' || (request.headers['content-length'] === undefined && request.headers['transfer-encoding'] === undefined)) return {};
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MOST) throw new ApiError(413, 'Request is too large.');
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  if (text.trim() === '') return {};
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw badRequest('Malformed request body');
  }
  if (typeof parsed !== 'object' || parsed === null || (Array.isArray(parsed) && !arrays)) throw badRequest('Malformed request body');
  return parsed as Json;
}

/** A body by a schema, or a 400 that names the first place that is wrong. */
export function bodyOf<S extends z.ZodType>(schema: S, body: unknown): z.output<S> {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw badRequest(`Invalid input for field/attribute ${issue?.path.map(String).join('.') || 'body'}. ${issue?.message ?? ''}`);
}
