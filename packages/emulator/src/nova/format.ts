import { ApiError, badRequest } from '../errors.ts';
import { faultFormat } from '../http/formats.ts';
import type { ErrorFormat } from '../http/service.ts';

/** As Cinder's, but what routes finds no path for is answered by webob. */
export const novaFormat: ErrorFormat = {
  render: (error, call) =>
    error.type === 'webob'
      ? { contentType: 'application/json', text: JSON.stringify({ message: `${error.message}<br /><br />\n\n\n`, code: '404 Not Found', title: 'Not Found' }) }
      : { ...faultFormat.render(error, call), contentType: 'application/json; charset=UTF-8' },
  refusal: (rule) => faultFormat.refusal(rule),
  unknownPath: () => new ApiError(404, 'The resource could not be found.', { type: 'webob' }),
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
