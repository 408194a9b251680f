/** As much of OpenAPI 3.1 as our own document uses. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
}

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly schema?: JsonSchema;
}

interface RawOperation {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content?: Readonly<Record<string, { readonly schema?: JsonSchema }>> };
}

export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, RawOperation>>>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, JsonSchema>> };
}

export interface Operation {
  readonly method: string;
  /** With its `{parameters}`. */
  readonly path: string;
  readonly inPath: readonly string[];
  readonly query: Readonly<Record<string, JsonSchema>>;
  readonly body: JsonSchema | undefined;
}

const methods = new Set(['get', 'post', 'put', 'patch', 'delete']);

/** Every operation of the document, so that a new route is fuzzed the day it is written. */
export function operationsOf(document: OpenApi): Operation[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item)
      .filter(([method]) => methods.has(method))
      .map(([method, raw]) => ({
        method: method.toUpperCase(),
        path,
        inPath: (raw.parameters ?? []).filter((p) => p.in === 'path').map((p) => p.name),
        query: Object.fromEntries((raw.parameters ?? []).filter((p) => p.in === 'query').map((p) => [p.name, resolve(document, p.schema ?? {})])),
        body: raw.requestBody?.content?.['application/json']?.schema && resolve(document, raw.requestBody.content['application/json'].schema),
      })),
  );
}

/** With its references replaced; our schemas have no cycles. */
function resolve(document: OpenApi, schema: JsonSchema): JsonSchema {
  if (schema.$ref !== undefined) {
    const found = document.components?.schemas?.[schema.$ref.replace('#/components/schemas/', '')];
    if (found === undefined) throw new Error(`the document has no ${schema.$ref}`);
    return resolve(document, found);
  }
  return {
    ...schema,
    ...(schema.properties && { properties: Object.fromEntries(Object.entries(schema.properties).map(([k, v]) => [k, resolve(document, v)])) }),
    ...(schema.items && { items: resolve(document, schema.items) }),
    ...(schema.anyOf && { anyOf: schema.anyOf.map((s) => resolve(document, s)) }),
  };
}
