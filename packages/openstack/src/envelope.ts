import * as z from 'zod';

/**
 * Schemas that are made once. To make one and read with it for the first time costs more than everything else that is done for a small answer
 * (zod compiles each), so no call may make its own.
 */
const known = new WeakMap<z.ZodType, Map<string, z.ZodType>>();

function once<S extends z.ZodType>(item: z.ZodType, name: string, make: () => S): S {
  let schemas = known.get(item);
  if (!schemas) known.set(item, (schemas = new Map()));
  let schema = schemas.get(name);
  if (!schema) schemas.set(name, (schema = make()));
  return schema as S;
}

/** `{ [key]: item }`, whatever else is in it. */
export const envelope = <K extends string, S extends z.ZodType>(key: K, item: S) => once(item, key, () => z.looseObject({ [key]: item } as Record<K, S>));

/** `{ [key]: [item, …] }`, whatever else is in it. */
export const listEnvelope = <K extends string, S extends z.ZodType>(key: K, item: S) => once(item, `${key}[]`, () => z.looseObject({ [key]: z.array(item) } as Record<K, z.ZodArray<S>>));
