import { OpenStackError, type OpenStackErrorCode } from '../errors.ts';

/** A mapping as it comes from YAML or the environment; keys with underscores. */
export type Values = Record<string, unknown>;

export const configError = (code: OpenStackErrorCode, message: string): OpenStackError => new OpenStackError({ code, kind: 'terminal', message });

export const isValues = (value: unknown): value is Values => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Clouds.yaml allows `project-name` for `project_name`. */
export function normalize(values: Values): Values {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key.replaceAll('-', '_'), isValues(value) ? normalize(value) : value]));
}

/** What `over` says wins; mappings are merged, however deep. */
export function merge(under: Values, over: Values): Values {
  const merged = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const below = merged[key];
    merged[key] = isValues(value) && isValues(below) ? merge(below, value) : value;
  }
  return merged;
}

/** Only `auth` is merged, everything else is replaced: how a cloud lies over its profile, and a region over its cloud. */
export function mergeAuth(under: Values, over: Values): Values {
  const merged = { ...under, ...over };
  if (isValues(under['auth']) && isValues(over['auth'])) merged['auth'] = { ...under['auth'], ...over['auth'] };
  return merged;
}

/** Text of a value, undefined for none. Numbers happen: `project_name: 007` is the writer's matter. */
export function text(value: unknown): string | undefined {
  if (typeof value === 'string') return value === '' ? undefined : value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return undefined;
}

export function flag(value: unknown, fallback: boolean): boolean {
  if (typeof value === 'boolean') return value;
  const word = text(value)?.toLowerCase();
  if (word === undefined) return fallback;
  return ['true', 'yes', 'on', '1'].includes(word);
}
