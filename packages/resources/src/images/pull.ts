import { randomBytes } from 'node:crypto';
import { createCloud, isOpenStackError, type Cloud } from '@godwit/openstack';
import { at, GodwitError, projectIdAt, type ProjectRef, type Site } from '@godwit/sites';
import type { Readable } from 'node:stream';
import { z } from 'zod';
import type { Deps } from '../deps.ts';
import { importRegion } from './import.ts';

export const pullRequestSchema = z.strictObject({
  image: z.string().min(1).describe('id, at the site that it is pulled from'),
  from: z.string().min(1).describe('the site of your token'),
  to: z.string().min(1).describe('site'),
  name: z.string().min(1).describe('what it is to be called there'),
});
export type PullRequest = z.output<typeof pullRequestSchema>;

/** What the target's Glance gets from a one-time address. */
export interface PullTicket {
  readonly size: number;
  readonly stream: Readable;
}

interface Ticket {
  readonly token: string;
  readonly site: string;
  readonly project: ProjectRef;
  readonly imageId: string;
  readonly until: number;
}

const GOOD_FOR_MS = 10 * 60_000;

/**
 * The plain copy, as the first proposals had it (copy-from): the target's Glance is told to fetch from the source's download, under the user's
 * own token. Only the data: no properties, no hash compared, no progress. Where one catalogue has both Glances it is `glance-download`; else
 * `web-download`, which sends no token: then it asks godwit-server at an address that is good once, and the token is added there. Tokens are in
 * this process's memory only.
 */
export class Pulls {
  readonly #tickets = new Map<string, Ticket>();
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  async pull(token: string, project: ProjectRef, request: PullRequest, address: string | undefined): Promise<{ imageId: string; site: string; method: string }> {
    const { sites } = this.#deps;
    const [source, target] = [sites.get(request.from), sites.get(request.to)];
    const user = asUser(source, project, token);
    try {
      await knownAt(user, request.from);
      // Whether the user may read it is for the source's Glance to say, not for us.
      const image = await at(request.from, () => user.image.get(request.image), `image ${request.image}`);
      if (image.status !== 'active') throw new GodwitError('GW_IMAGE_NOT_ACTIVE', 'terminal', `${request.from}: image ${request.image} is ${image.status}`, { site: request.from, resource: `image ${request.image}`, action: 'Wait until it is active.' });
      const region = await at(request.to, () => importRegion(source, target, project));
      const formats = { disk_format: image.disk_format ?? 'raw', container_format: image.container_format ?? 'bare' };
      if (region !== undefined) {
        const there = asUser(target, project, token);
        try {
          const made = await at(request.to, () => there.image.create({ name: request.name, ...formats }));
          await at(request.to, () => imported(there, made.id, { name: 'glance-download', glance_region: region, glance_image_id: image.id, glance_service_interface: 'public' }), `image ${made.id}`);
          return { imageId: made.id, site: request.to, method: 'glance-download' };
        } finally {
          await there.close();
        }
      }
      if (address === undefined) throw new GodwitError('GW_PULL_ADDRESS', 'terminal', 'godwit-server does not know under which address a Glance reaches it', { site: request.to, action: 'Set server.publicUrl in godwit.yaml, or use godwit image clone.' });
      await projectIdAt(target, project);
      const tenant = target.asProject(project);
      return await at(request.to, async () => {
        if (!(await tenant.image.importMethods()).includes('web-download')) throw new GodwitError('GW_IMAGE_IMPORT_UNAVAILABLE', 'terminal', `${request.to}: its Glance does not offer web-download`, { site: request.to, action: 'Use godwit image clone.' });
        const made = await tenant.image.create({ name: request.name, ...formats });
        const secret = randomBytes(32).toString('base64url');
        this.#purge();
        this.#tickets.set(secret, { token, site: request.from, project, imageId: image.id, until: this.#deps.clock.now().getTime() + GOOD_FOR_MS });
        await imported(tenant, made.id, { name: 'web-download', uri: `${address.replace(/\/+$/, '')}/v1/image-pulls/${secret}` }).catch((error: unknown) => {
          this.#tickets.delete(secret);
          throw error;
        });
        return { imageId: made.id, site: request.to, method: 'web-download' };
      });
    } finally {
      await user.close();
    }
  }

  /** Good once. */
  async open(secret: string): Promise<PullTicket | undefined> {
    this.#purge();
    const ticket = this.#tickets.get(secret);
    this.#tickets.delete(secret);
    if (!ticket) return undefined;
    const user = asUser(this.#deps.sites.get(ticket.site), ticket.project, ticket.token);
    const { stream, size } = await at(ticket.site, () => user.image.download(ticket.imageId), `image ${ticket.imageId}`).catch(async (error: unknown) => {
      await user.close();
      throw error;
    });
    stream.once('close', () => void user.close());
    return { stream, size: size ?? 0 };
  }

  /** A token is kept no longer than it is good for something. */
  #purge(): void {
    const now = this.#deps.clock.now().getTime();
    for (const [key, t] of this.#tickets) if (t.until < now) this.#tickets.delete(key);
  }
}

/** An import that is refused leaves nothing behind. */
async function imported(cloud: Cloud, id: string, method: Parameters<Cloud['image']['import']>[1]): Promise<void> {
  try {
    await cloud.image.import(id, method);
  } catch (error) {
    // Whether one whose answer was lost has begun is not known: it is left.
    if (isOpenStackError(error) && (error.status ?? 0) >= 400 && (error.status ?? 0) < 500) await cloud.image.delete(id).catch(() => undefined);
    throw error;
  }
}

/** Keystone says of a token that is not its own that it cannot be found. */
async function knownAt(user: Cloud, site: string): Promise<void> {
  try {
    await user.session.token();
  } catch (error) {
    if (!isOpenStackError(error, 'OS_NOT_FOUND', 'OS_UNAUTHORIZED')) throw error;
    throw new GodwitError('GW_TOKEN_INVALID', 'terminal', `your token is not of the Keystone of ${site}, which the image is to be read from`, { site, requestId: error.requestId, action: `Log in at ${site}: --os-cloud with an entry of that site.`, cause: error });
  }
}

/** The caller, by the token that came with the request. */
function asUser(site: Site, project: ProjectRef, token: string): Cloud {
  const { config } = site.admin;
  return createCloud({ ...config, name: `${config.name} (a user)`, auth: { authUrl: config.auth.authUrl, type: 'token', token, projectName: project.name, projectDomainName: project.domain } });
}
