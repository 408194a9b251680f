import { ApiError } from '../errors.ts';
import { statusTitle } from '../http/formats.ts';
import type { Call, ErrorFormat } from '../http/service.ts';
import type { GlanceState, Image } from './state.ts';

export type GlanceCall = Call<GlanceState>;

const sentences: Readonly<Record<number, string>> = {
  403: 'Access was denied to this resource.',
  404: 'The resource could not be found.',
  409: 'There was a conflict when trying to complete your request.',
  400: 'The server could not comply with the request since it is either malformed or otherwise incorrect.',
};

/** webob writes an explanation, and below it a detail. */
export const refused = (status: number, explanation: string): ApiError => new ApiError(status, explanation);
export const detailed = (status: number, detail: string): ApiError => new ApiError(status, sentences[status] ?? '', { type: `detail:${detail}` });
/** The download's errors are plain text. */
const plain = (status: number, text: string): ApiError => new ApiError(status, text, { type: 'plain' });

export const glanceErrors: ErrorFormat = {
  render({ status, message, type }) {
    const title = statusTitle(status);
    if (type === 'plain') return { contentType: 'text/plain; charset=UTF-8', text: `${String(status)} ${title}\n\n${message}\n\n   ` };
    const detail = type?.startsWith('detail:') === true ? type.slice(7) : '';
    const said = message === 'Malformed request body' ? 'Malformed JSON in request body.' : message;
    return { contentType: 'application/json', text: JSON.stringify({ message: `${said}<br /><br />\n${detail}\n\n`, code: `${String(status)} ${title}`, title }) };
  },
  refusal: (rule) => refused(403, `You are not authorized to complete ${rule} action.`),
  unknownPath: () => new ApiError(404, 'The resource could not be found.'),
  // Glance has the middleware let everybody in, and says it itself.
  unauthorized: JSON.stringify({
    message: 'This server could not verify that you are authorized to access the document you requested. Either you supplied the wrong credentials (e.g., bad password), or your browser does not understand how to supply the credentials required.<br /><br />\n\n\n',
    code: '401 Unauthorized', title: 'Unauthorized',
  }),
};

export const stamp = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

export function maySee(call: GlanceCall, image: Image): boolean {
  const project = call.token.projectId ?? '';
  return call.token.admin || image.owner === project || image.visibility === 'public' || image.visibility === 'community' || (image.visibility === 'shared' && call.state.members.get(image.id)?.has(project) === true);
}

const notThere = (id: string): string => `No image found with ID ${id}`;

/** @throws ApiError 404 */
export function findImage(call: GlanceCall, how: 'json' | 'plain' = 'json'): Image {
  const id = call.params['id'] ?? '';
  const image = call.state.images.get(id);
  if (!image || !maySee(call, image)) throw how === 'plain' ? plain(404, notThere(id)) : refused(404, notThere(id));
  return image;
}

/** One that the caller may change. @throws ApiError 403, 404 */
export function ownImage(call: GlanceCall, action: string): Image {
  const image = findImage(call);
  if (!call.token.admin && image.owner !== call.token.projectId) throw refused(403, `You are not authorized to complete ${action} action.`);
  return image;
}

export function view(image: Image): Record<string, unknown> {
  const path = `/v2/images/${image.id}`;
  return {
    ...image.properties,
    name: image.name, disk_format: image.diskFormat, container_format: image.containerFormat, visibility: image.visibility, size: image.size, virtual_size: image.diskFormat === 'raw' ? image.size : null, status: image.status, checksum: image.checksum,
    protected: image.protected, min_ram: image.minRam, min_disk: image.minDisk, owner: image.owner, os_hidden: image.hidden, os_hash_algo: image.hash === null ? null : 'sha512', os_hash_value: image.hash, id: image.id,
    created_at: stamp(image.createdAt), updated_at: stamp(image.updatedAt), tags: image.tags, self: path, file: `${path}/file`, schema: '/v2/schemas/image',
    ...(image.status === 'active' || image.status === 'deactivated' ? { stores: 'file1' } : {}),
  };
}
