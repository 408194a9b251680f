import * as z from 'zod/mini';

/** Every text and list that crosses the wire has a bound: neither side can fill the other's memory. */
export const short = z.string().check(z.maxLength(255));
export const text = z.string().check(z.maxLength(2000));
export const many = <T extends z.ZodMiniType>(item: T, most = 100) => z.array(item).check(z.maxLength(most));

export const name = z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, 'letters, digits, dots, dashes and underscores, at most 128'));
/** SHA-256 in hex. */
export const hash = z.string().check(z.regex(/^[0-9a-f]{64}$/));
/** ISO 8601 in UTC. */
export const time = z.string().check(z.regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/));
export const address = z.object({
  // Nothing that could end a string in SQL or begin an option of a program.
  host: z.string().check(z.regex(/^[A-Za-z0-9:][A-Za-z0-9.:_-]{0,252}$/, 'a host name or an IP address')),
  port: z.int().check(z.minimum(1), z.maximum(65535)),
});
export type Address = z.infer<typeof address>;

/** Something that a person should know of. `code` is stable, `message` for reading. */
export const problem = z.object({ code: short, message: text });
export type Problem = z.infer<typeof problem>;
