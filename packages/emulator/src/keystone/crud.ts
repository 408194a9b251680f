import { z } from 'zod';
import { ApiError } from '../errors.ts';
import { bodyOf } from '../http/body.ts';
import { type Call, created, type Json, noContent, ok, type Policy, type Route } from '../http/service.ts';
import { missing } from './format.ts';
import type { KeystoneState } from './state.ts';
import { changed } from './tokens.ts';

type KCall = Call<KeystoneState>;

interface Collection<T> {
  readonly plural: string;
  readonly singular: string;
  map(state: KeystoneState): Map<string, T>;
  view(item: T, call: KCall): Json;
  /** Made from a body; stores nothing. */
  make(call: KCall, body: Json): T;
  change(call: KCall, item: T, body: Json): void;
  /** Query fields that filter by equality. */
  readonly filters: readonly string[];
  /** Names must be unique within this; undefined: they need not be. */
  unique?(item: T): string | undefined;
  /** What goes with it. */
  gone?(call: KCall, item: T): void;
  readonly read?: Policy<KeystoneState>;
  readonly list?: Policy<KeystoneState>;
  /** Change by PUT with a chosen id creates (regions). */
}

const text = (value: unknown): string => (typeof value === 'string' ? value : String(value));

/** GET, POST, PATCH and DELETE of one kind of resource. */
export function collection<T extends { id: string }>(c: Collection<T>): Route<KeystoneState>[] {
  const path = `/${c.plural}`;
  const rule = (verb: string, plural = false): string => `identity:${verb}_${plural ? c.plural : c.singular}`;
  const one = (call: KCall): T => {
    const id = call.params['id'] ?? '';
    const item = c.map(call.state).get(id);
    if (!item) throw missing(c.singular.replace('_', ' '), id);
    return item;
  };
  const given = (call: KCall): Json => bodyOf(z.object({ [c.singular]: z.record(z.string(), z.unknown()) }), call.body)[c.singular] as Json;
  const assertUnique = (call: KCall, item: T): void => {
    const key = c.unique?.(item);
    if (key === undefined) return;
    for (const other of c.map(call.state).values())
      if (other.id !== item.id && c.unique?.(other) === key) throw new ApiError(409, `Conflict occurred attempting to store ${c.singular} - Duplicate entry found with name ${text((item as unknown as Json)['name'])}.`);
  };
  return [
    {
      method: 'GET', path, policy: c.list ?? 'admin', rule: rule('list', true),
      handler: (call) => {
        const wanted = [...call.query].filter(([key]) => c.filters.includes(key));
        const items = [...c.map(call.state).values()].map((item) => c.view(item, call)).filter((view) => wanted.every(([key, value]) => (view[key] === undefined || view[key] === null ? '' : text(view[key])).toLowerCase() === value.toLowerCase()));
        return ok({ [c.plural]: items, links: { next: null, self: `${call.root}/v3${path}`, previous: null } });
      },
    },
    { method: 'GET', path: `${path}/:id`, policy: c.read ?? 'admin', rule: rule('get'), handler: (call) => ok({ [c.singular]: c.view(one(call), call) }) },
    {
      method: 'POST', path, policy: 'admin', rule: rule('create'),
      handler: (call) => {
        const item = c.make(call, given(call));
        assertUnique(call, item);
        c.map(call.state).set(item.id, item);
        changed(call.state);
        return created({ [c.singular]: c.view(item, call) });
      },
    },
    {
      method: 'PATCH', path: `${path}/:id`, policy: 'admin', rule: rule('update'),
      handler: (call) => {
        const item = one(call);
        const before = { ...item };
        c.change(call, item, given(call));
        try {
          assertUnique(call, item);
        } catch (error) {
          Object.assign(item, before);
          throw error;
        }
        changed(call.state);
        return ok({ [c.singular]: c.view(item, call) });
      },
    },
    {
      method: 'DELETE', path: `${path}/:id`, policy: 'admin', rule: rule('delete'),
      handler: (call) => {
        const item = one(call);
        c.gone?.(call, item);
        c.map(call.state).delete(item.id);
        changed(call.state);
        return noContent;
      },
    },
  ];
}

/** A field that must be a text. @throws ApiError 400 */
export function needText(body: Json, field: string): string {
  const value = body[field];
  if (typeof value !== 'string' || value.trim() === '') throw new ApiError(400, `Invalid input for field '${field}': ${JSON.stringify(value) ?? 'None'} is not of type 'string'`);
  return value;
}
