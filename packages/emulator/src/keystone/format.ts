import { ApiError } from '../errors.ts';
import { statusTitle } from '../http/formats.ts';
import type { ErrorFormat } from '../http/service.ts';

export const keystoneFormat: ErrorFormat = {
  render: ({ status, message }) => ({ contentType: 'application/json', text: JSON.stringify({ error: { code: status, message, title: statusTitle(status) } }) }),
  refusal: (rule) => new ApiError(403, `You are not authorized to perform the requested action: ${rule}.`),
};

export const unauthorized = (): ApiError => new ApiError(401, 'The request you have made requires authentication.', { headers: { 'www-authenticate': 'Keystone uri="/v3"' } });
export const missing = (kind: string, id: string): ApiError => new ApiError(404, `Could not find ${kind}: ${id}.`);
