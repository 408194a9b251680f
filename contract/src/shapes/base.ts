import * as z from 'zod';

// How real services write things. Everything here is strict: a field that only one of the two targets sends is a difference.

export const uuid = z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, 'no UUID in the usual form');
/** Keystone's ids: a UUID without its dashes. */
export const hex = z.string().regex(/^[0-9a-f]{32}$/, 'no UUID without dashes');
/** Cinder, and Nova here and there: no zone is said, UTC is meant. */
export const timeMicro = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/, 'no time as 2026-01-31T23:59:59.000000');
/** Keystone. */
export const timeMicroZ = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/, 'no time as 2026-01-31T23:59:59.000000Z');
/** Nova, Neutron, Glance. */
export const timeZ = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, 'no time as 2026-01-31T23:59:59Z');
export const url = z.string().regex(/^https?:\/\/[^/]+/, 'no address');
export const text = z.string();
export const mac = z.string().regex(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/, 'no MAC address in lower case');
export const ip = z.string().regex(/^\d+\.\d+\.\d+\.\d+$/, 'no IPv4 address');
export const is = <const T extends string | number | boolean>(...values: T[]) => z.literal(values);
export const empty = z.strictObject({});
export const nothing = z.array(z.never());
export const links = z.array(z.strictObject({ rel: is('self', 'bookmark'), href: url }));
export const map = z.record(z.string(), z.string());

/** `{ volume: … }` */
export const one = <S extends z.ZodType>(key: string, shape: S) => z.strictObject({ [key]: shape });
/** `{ volumes: [ … ] }`, all of it: no link to a next page. */
export const list = <S extends z.ZodType>(key: string, shape: S) => z.strictObject({ [key]: z.array(shape) });

/** Error bodies, by service: see http/error-body.ts of the client for who reads them. */
export const fault = (name: string, code: number, message: RegExp) => z.strictObject({ [name]: z.strictObject({ code: z.literal(code), message: z.string().regex(message) }) });
export const overLimit = (message: RegExp) => z.strictObject({ overLimit: z.strictObject({ code: z.literal(413), message: z.string().regex(message), retryAfter: z.literal('0') }) });
export const keystoneError = (code: number, title: string, message: RegExp) => z.strictObject({ error: z.strictObject({ code: z.literal(code), message: z.string().regex(message), title: z.literal(title) }) });
export const neutronError = (type: string, message: RegExp) => z.strictObject({ NeutronError: z.strictObject({ type: z.literal(type), message: z.string().regex(message), detail: z.literal('') }) });
/** Glance's, and what webob writes of itself: a piece of HTML in JSON. */
export const webobError = (status: string, message: RegExp) =>
  z.strictObject({ message: z.string().regex(message), code: z.literal(status), title: z.literal(status.slice(4)) });
