import * as z from 'zod';

// Services write null where their reference says "absent", each where another would not: both are read alike.

/** A field that may be absent or null: undefined to a reader. */
export const maybe = <S extends z.ZodType>(schema: S) => schema.nullish().transform((value) => value ?? undefined).optional();

/** A field that may be absent or null: `fallback` to a reader. */
export const orElse = <S extends z.ZodType>(schema: S, fallback: z.output<S>) => schema.nullish().transform((value): z.output<S> => value ?? fallback);

/** Metadata and the like: text by name. */
export const stringMap = () => z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]).nullish().transform((value) => (value === null || value === undefined ? '' : String(value))));
