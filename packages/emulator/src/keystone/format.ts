import { ApiError } from '../errors.ts';
import { statusTitle } from '../http/formats.ts';
import type { ErrorFormat } from '../http/service.ts';

const notJson = 'Expecting to find valid JSON in request body. The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error.';

export const keystoneFormat: ErrorFormat = {
  render: ({ status, message: said }) => {
    const message = said === 'Malformed request body' ? notJson : said;
    return { contentType: 'application/json', text: JSON.stringify({ error: { code: status, message, title: statusTitle(status) } }) };
  },
  refusal: (rule) => new ApiError(403, `You are not authorized to perform the requested action: ${rule}.`),
};

export const unauthorized = (): ApiError => new ApiError(401, 'The request you have made requires authentication.', { headers: { 'www-authenticate': 'Keystone uri="/v3"' } });
export const missing = (kind: string, id: string): ApiError => new ApiError(404, `Could not find ${kind}: ${id}.`);
