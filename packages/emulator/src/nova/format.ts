import { badRequest, type ApiError } from '../errors.ts';
import { faultFormat } from '../http/formats.ts';
import type { ErrorFormat } from '../http/service.ts';

/** As Cinder's, but for a character set that is named. */
export const novaFormat: ErrorFormat = {
  ...faultFormat,
  render: (error, call) => ({ ...faultFormat.render(error, call), contentType: error.type === 'webob' ? 'application/json' : 'application/json; charset=UTF-8' }),
};

/** Words of nova.api.validation for the first thing that is wrong. */
export const invalid = (field: string, value: unknown, why: string): ApiError => badRequest(`Invalid input for field/attribute ${field}. Value: ${python(value)}. ${why}`);

/** A value as Python prints it in error messages. */
export function python(value: unknown): string {
  if (value === null || value === undefined) return 'None';
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return `[${value.map(quoted).join(', ')}]`;
  if (typeof value === 'object') return `{${Object.entries(value).map(([k, v]) => `'${k}': ${quoted(v)}`).join(', ')}}`;
  return JSON.stringify(value);
}
const quoted = (value: unknown): string => (typeof value === 'string' ? `'${value}'` : python(value));
