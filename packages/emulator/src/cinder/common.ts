import type { Site } from '../core/site.ts';
import { ApiError, badRequest, notFound } from '../errors.ts';
import type { Call, Json } from '../http/service.ts';
import type { CinderState } from './state.ts';

export type CinderCall = Call<CinderState>;

/** As Cinder writes times: no zone, microseconds. Its database keeps whole seconds. */
export const stamp = (ms: number | undefined): string | null => (ms === undefined ? null : `${new Date(Math.floor(ms / 1000) * 1000).toISOString().slice(0, 19)}.000000`);

/** What the services do for a request that has been answered already. A fault `failure` of work `lost:WHAT` makes it never end. */
export function later(site: Site, what: string, ms: number, done: (failed: string | undefined) => void): void {
  if (site.failing(`lost:${what}`) !== undefined) return;
  site.work(ms, () => done(site.failing(what)));
}

/** A full cluster takes no order to delete, and does not say so: what is to go waits until there is room. @returns whether it waits */
export function heldByFullStorage(site: Site, again: () => void): boolean {
  if (site.storageFull) site.work(5_000, again);
  return site.storageFull;
}

/** The object of a request's body under its key. @throws ApiError 400 in jsonschema's words */
export function bodyObject(call: { readonly body: Json }, key: string): Json {
  const value = call.body[key];
  if (value === undefined) throw badRequest(`'${key}' is a required property`);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(key, value, `${python(value)} is not of type 'object'`);
  return value as Json;
}

/** As Python prints a value of JSON. */
export function python(value: unknown): string {
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'string') return `'${value}'`;
  if (Array.isArray(value)) return `[${value.map(python).join(', ')}]`;
  if (typeof value === 'object') return `{${Object.entries(value).map(([k, v]) => `'${k}': ${python(v)}`).join(', ')}}`;
  return JSON.stringify(value);
}

const invalid = (field: string, value: unknown, why: string): ApiError => badRequest(`Invalid input for field/attribute ${field}. Value: ${typeof value === 'string' ? value : python(value)}. ${why}`);

/** @throws ApiError 400 for what the schema does not name */
export function onlyFields(body: Json, name: string, known: readonly string[]): void {
  const odd = Object.keys(body).filter((k) => !known.includes(k));
  if (odd.length > 0) throw invalid(name, body, `Additional properties are not allowed (${odd.map((k) => `'${k}'`).join(', ')} ${odd.length === 1 ? 'was' : 'were'} unexpected)`);
}

export const noAction = (name: string): ApiError => badRequest(`There is no such action: ${name}. Verify the request body and Content-Type header and try again.`);

export function text(body: Json, field: string): string | undefined {
  const value = body[field];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw invalid(field, value, `${python(value)} is not of type 'string'`);
  return value;
}

export function requiredText(body: Json, field: string): string {
  const value = text(body, field);
  if (value === undefined) throw badRequest(`'${field}' is a required property`);
  return value;
}

/** GiB; numbers come as text, too. */
export function wholeNumber(body: Json, field: string): number | undefined {
  const value = body[field];
  if (value === undefined || value === null) return undefined;
  const n = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  if (typeof n === 'string') throw invalid(field, n, `'${n}' does not match '^[0-9]+$'`);
  if (typeof n !== 'number' || !Number.isInteger(n)) throw invalid(field, n, `${python(n)} is not of type 'integer', 'string'`);
  if (n < 1) throw invalid(field, n, `${String(n)} is less than the minimum of 1`);
  return n;
}

export function flag(body: Json, field: string): boolean {
  const value = body[field];
  if (value === undefined || value === null) return false;
  if (typeof value === 'boolean') return value;
  if (typeof value === 'string' && /^(true|1|t|on|y|yes)$/i.test(value)) return true;
  if (typeof value === 'string' && /^(false|0|f|off|n|no)$/i.test(value)) return false;
  throw invalid(field, value, `${python(value)} is not a boolean`);
}

export function stringMap(body: Json, field: string): Record<string, string> {
  const value = body[field];
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw invalid(field, value, `${python(value)} is not of type 'object'`);
  for (const [key, v] of Object.entries(value)) {
    if (typeof v !== 'string') throw invalid(key, v, `${python(v)} is not of type 'string'`);
    if (key === '' || key.length > 255 || v.length > 255) throw badRequest(`Invalid input for field/attribute ${field}. Metadata property key or value greater than 255 characters.`);
  }
  return { ...(value as Record<string, string>) };
}

/** What a token may see of a project's things. */
export const sees = (call: CinderCall, projectId: string): boolean => call.token.admin || call.token.projectId === projectId;

/** A thing of the caller's project, or of any for an administrator. @throws ApiError 404 */
export function find<T extends { readonly projectId: string }>(call: CinderCall, map: ReadonlyMap<string, T>, id: string, what: string): T {
  const found = map.get(id);
  if (!found || !sees(call, found.projectId)) throw notFound(`${what} ${id} could not be found.`);
  return found;
}

/** Project of what is made: the token's. */
export function ownProject(call: CinderCall): string {
  if (call.token.projectId === undefined) throw new ApiError(403, 'Not authorized.');
  return call.token.projectId;
}

export const links = (call: CinderCall, collection: string, id: string): Json[] => {
  const project = call.token.projectId ?? '';
  return [
    { rel: 'self', href: `${call.root}/v3/${project}/${collection}/${id}` },
    { rel: 'bookmark', href: `${call.root}/${project}/${collection}/${id}` },
  ];
};
