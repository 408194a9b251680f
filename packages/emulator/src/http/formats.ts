import { ApiError, forbidden } from '../errors.ts';
import type { ErrorFormat } from './service.ts';

const json = (body: unknown): { contentType: string; text: string } => ({ contentType: 'application/json', text: JSON.stringify(body) });

const faultNames: Readonly<Record<number, string>> = {
  400: 'badRequest', 401: 'unauthorized', 403: 'forbidden', 404: 'itemNotFound', 405: 'badMethod', 409: 'conflictingRequest',
  413: 'overLimit', 415: 'badMediaType', 429: 'overLimit', 501: 'notImplemented', 503: 'serviceUnavailable',
};

/** Nova's and Cinder's: `{itemNotFound: {code, message}}`; for a path that they do not know webob answers, in its own way. */
export const faultFormat: ErrorFormat = {
  render: ({ status, message, type }) =>
    type === 'webob' ? json({ message: `${message}<br /><br />\n\n\n`, code: '404 Not Found', title: 'Not Found' }) : json({ [faultNames[status] ?? 'computeFault']: { code: status, message } }),
  refusal: (rule) => forbidden(`Policy doesn't allow ${rule} to be performed.`),
  unknownPath: () => new ApiError(404, 'The resource could not be found.', { type: 'webob' }),
};

/** What keystonemiddleware answers before any service sees the request. */
export const unauthorizedBody = JSON.stringify({ error: { code: 401, title: 'Unauthorized', message: 'The request you have made requires authentication.' } });

export const statusTitle = (status: number): string =>
  ({ 300: 'Multiple Choices', 400: 'Bad Request', 401: 'Unauthorized', 403: 'Forbidden', 404: 'Not Found', 405: 'Method Not Allowed', 406: 'Not Acceptable', 409: 'Conflict', 413: 'Request Entity Too Large', 415: 'Unsupported Media Type', 500: 'Internal Server Error', 503: 'Service Unavailable' })[status] ?? 'Error';
