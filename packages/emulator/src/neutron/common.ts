import { ApiError } from '../errors.ts';
import type { Call, ErrorFormat, Json } from '../http/service.ts';
import type { NeutronState } from './state.ts';

export type NeutronCall = Call<NeutronState>;

export const fault = (status: number, type: string, message: string): ApiError => new ApiError(status, message, { type });
export const bad = (message: string): ApiError => fault(400, 'HTTPBadRequest', message);
export const invalid = (field: string, reason: string): ApiError => bad(`Invalid input for ${field}. Reason: ${reason}`);

const types: Readonly<Record<number, string>> = { 400: 'HTTPBadRequest', 404: 'HTTPNotFound', 413: 'HTTPRequestEntityTooLarge' };

/** `{NeutronError: {type, message, detail}}` */
export const neutronErrors: ErrorFormat = {
  render({ status, message, type }) {
    const said = message === 'Malformed request body' ? 'Body contains invalid data' : message;
    return { contentType: 'application/json', text: JSON.stringify({ NeutronError: { type: type ?? types[status] ?? 'HTTPInternalServerError', message: said, detail: '' } }) };
  },
  refusal: (rule) => fault(403, 'PolicyNotAuthorized', `rule:${rule} is disallowed by policy`),
  unknownPath: () => fault(404, 'HTTPNotFound', 'The resource could not be found.'),
};

export const stamp = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

export const mine = (call: NeutronCall, projectId: string): boolean => call.token.admin || call.token.projectId === projectId;

/** The object of a request, its fields all known. @throws ApiError 400 */
export function bodyOf(call: NeutronCall, key: string, known: readonly string[]): Json {
  const body = call.body[key];
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw bad(`Unable to find '${key}' in request body`);
  checkFields(body as Json, known);
  return body as Json;
}

export function checkFields(body: Json, known: readonly string[]): void {
  const odd = Object.keys(body).filter((k) => !known.includes(k));
  if (odd.length > 0) throw bad(`Unrecognized attribute(s) '${odd.join(', ')}'`);
}

export function text(body: Json, field: string, otherwise: string): string {
  const value = body[field];
  if (value === undefined || value === null) return otherwise;
  if (typeof value !== 'string') throw invalid(field, `'${JSON.stringify(value)}' is not a valid string.`);
  return value;
}

export function flag(body: Json, field: string, otherwise: boolean): boolean {
  const value = body[field];
  if (value === undefined || value === null) return otherwise;
  if (typeof value === 'boolean') return value;
  if (/^(true|1)$/i.test(String(value))) return true;
  if (/^(false|0)$/i.test(String(value))) return false;
  throw invalid(field, `'${String(value)}' cannot be converted to boolean.`);
}

const uuid = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;
export function id(field: string, value: unknown): string {
  if (typeof value !== 'string' || !uuid.test(value)) throw invalid(field, `'${String(value)}' is not a valid UUID.`);
  return value;
}

/** The project that something is made for: an administrator may name another. */
export function projectFor(call: NeutronCall, body: Json): string {
  const asked = text(body, 'project_id', text(body, 'tenant_id', ''));
  if (asked !== '' && asked !== call.token.projectId && !call.token.admin) throw fault(403, 'PolicyNotAuthorized', 'Only admin can set or update the project');
  return asked || (call.token.projectId ?? '');
}
