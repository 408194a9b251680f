import fc from 'fast-check';
import type { JsonSchema } from './operations.ts';

/** Strings that have broken servers before: what a database, a path, a log or a JSON parser may choke on. */
const nasty: readonly string[] = [
  '', ' ', '\u0000', 'a\u0000b', '..', '../../etc/passwd', '%00', '%2e%2e', '%', '\ud800', '💥'.repeat(40), "' OR 1=1 --", '"; DROP TABLE godwit_jobs; --', '$1', '{{x}}',
  '<script>', '__proto__', 'constructor', 'hasOwnProperty', 'toString', 'null', 'undefined', 'NaN', '-1', '0', '1e309', '9223372036854775808', '99999999999999999999', '2147483648', '\r\nX-Injected: 1', 'a'.repeat(300), 'a'.repeat(5_000),
];

const nastyValue: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(...nasty), fc.constantFrom<unknown>(null, true, false, 0, -1, 1.5, 1e308, -0, [], {}, [[]], [null], { __proto__: null, a: 1 }),
  fc.jsonValue({ maxDepth: 3 }),
);

/** What fits a schema, drawing strings from what there is in the world too, so that requests get past the front door. */
export function fitting(schema: JsonSchema, known: readonly string[]): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map((s) => fitting(s, known)));
  switch (schema.type ?? 'anything') {
    case 'boolean':
      return fc.boolean();
    case 'integer':
    case 'number':
      return fc.integer({ min: Math.max(schema.minimum ?? -1_000, -1e9), max: Math.min(schema.maximum ?? 1_000, 1e9) });
    case 'array':
      return fc.array(fitting(schema.items ?? {}, known), { minLength: schema.minItems ?? 0, maxLength: Math.min(schema.maxItems ?? 4, 4) });
    case 'object':
      return objectOf(schema, known);
    case 'string':
      return fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...known) }, { weight: 1, arbitrary: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,20}$/) });
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

function objectOf(schema: JsonSchema, known: readonly string[]): fc.Arbitrary<unknown> {
  const parts = Object.fromEntries(Object.entries(schema.properties ?? {}).map(([k, v]) => [k, fitting(v, known)]));
  const requiredKeys = (schema.required ?? []).filter((k) => k in parts);
  return fc.record(parts, { requiredKeys });
}

/** Nearly fitting: one member replaced by something nasty, left out or added; or something else altogether. */
export function broken(schema: JsonSchema, known: readonly string[]): fc.Arbitrary<unknown> {
  const names = Object.keys(schema.properties ?? {});
  if (schema.type !== 'object' || names.length === 0) return nastyValue;
  const base = fitting(schema, known) as fc.Arbitrary<Record<string, unknown>>;
  return fc.oneof(
    { weight: 4, arbitrary: fc.tuple(base, fc.constantFrom(...names), nastyValue).map(([object, name, value]) => ({ ...object, [name]: value })) },
    { weight: 2, arbitrary: fc.tuple(base, fc.constantFrom(...names)).map(([object, name]) => Object.fromEntries(Object.entries(object).filter(([k]) => k !== name))) },
    { weight: 1, arbitrary: fc.tuple(base, fc.constantFrom(...nasty), nastyValue).map(([object, name, value]) => ({ ...object, [name]: value })) },
    { weight: 1, arbitrary: nastyValue },
  );
}

export const nastyText = fc.constantFrom(...nasty);
