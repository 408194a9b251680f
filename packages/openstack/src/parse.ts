import type * as z from 'zod';
import { OpenStackError } from './errors.ts';
import type { ServiceType } from './types.ts';

/** Which answer is read: for the error. */
export interface AnswerName {
  readonly service: ServiceType;
  readonly method: string;
  readonly path: string;
  readonly requestId?: string | undefined;
}

/** Reads a JSON answer. OS_BAD_RESPONSE names the first field that is not as we rely on; it never quotes the answer. */
export function parseBody<S extends z.ZodType>(schema: S, text: string, name: AnswerName): z.output<S> {
  const bad = (what: string): OpenStackError =>
    new OpenStackError({ ...name, code: 'OS_BAD_RESPONSE', kind: 'terminal', message: `${name.service}: ${name.method} ${name.path}: the answer is not understood: ${what}${name.requestId ? ` (${name.requestId})` : ''}` });
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw bad(text.trim() === '' ? 'it is empty' : 'it is not JSON');
  }
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw bad(issue ? `${issue.path.join('.') || 'body'}: ${issue.message}` : 'it does not match');
}
