import { GodwitError, projectKey, type ProjectRef } from '@godwit/sites';
import type { Cloud } from '@godwit/openstack';

/** Who asks: made by the server from a validated Keystone token. */
export interface Caller {
  readonly userId: string;
  readonly userName: string;
  /** Name of the user's domain; without it, the user's own keypairs cannot be found at other sites. */
  readonly userDomain?: string;
  readonly project?: ProjectRef;
  /** May act on every project, and publish. */
  readonly admin: boolean;
}

/** What is for administrators only: flavors, quotas, other projects. */
export function adminOnly(caller: Caller, what: string): void {
  if (caller.admin) return;
  throw new GodwitError('GW_ROLE_REQUIRED', 'terminal', `${caller.userName} needs the role admin for ${what}`, { action: 'Ask an administrator of Godwit.' });
}

/** A name that several projects' policies have, asked for by somebody who may use all of them. */
export function ambiguous(what: string, name: string, found: readonly { readonly id: string; readonly project: string }[]): GodwitError {
  return new GodwitError('GW_POLICY_AMBIGUOUS', 'terminal', `${found.length} projects have a ${what} policy ${name}: ${found.map((p) => `${p.id} (${p.project})`).join(', ')}`, { resource: `${what} policy ${name}`, action: 'Name it by its id.' });
}

/** Names of projects and users by id, and back, at one site. Each is asked for once; what is not there is undefined. */
export class Names {
  readonly #cloud: Cloud;
  readonly #domains = new Map<string, Promise<string>>();
  readonly #byId = new Map<string, Promise<ProjectRef | undefined>>();
  readonly #byName = new Map<string, Promise<string | undefined>>();

  /** @param cloud of somebody who may read Keystone's projects and users */
  constructor(cloud: Cloud) {
    this.#cloud = cloud;
  }

  project(id: string): Promise<ProjectRef | undefined> {
    return once(this.#byId, `p${id}`, () => this.#named(() => this.#cloud.identity.projects.find(id)));
  }

  user(id: string): Promise<ProjectRef | undefined> {
    return once(this.#byId, `u${id}`, () => this.#named(() => this.#cloud.identity.users.find(id)));
  }

  projectId(ref: ProjectRef): Promise<string | undefined> {
    return once(this.#byName, `p${projectKey(ref)}`, async () => {
      const domain_id = await this.#domainId(ref.domain);
      return domain_id === undefined ? undefined : (await this.#cloud.identity.projects.list({ name: ref.name, domain_id }))[0]?.id;
    });
  }

  userId(ref: ProjectRef): Promise<string | undefined> {
    return once(this.#byName, `u${projectKey(ref)}`, async () => {
      const domain_id = await this.#domainId(ref.domain);
      return domain_id === undefined ? undefined : (await this.#cloud.identity.users.list({ name: ref.name, domain_id }))[0]?.id;
    });
  }

  async #named(find: () => Promise<{ readonly name: string; readonly domain_id?: string | null | undefined } | undefined>): Promise<ProjectRef | undefined> {
    const found = await find();
    if (!found) return undefined;
    const domain = found.domain_id ?? '';
    return { name: found.name, domain: await once(this.#domains, domain, async () => (await this.#cloud.identity.domains.get(domain)).name) };
  }

  async #domainId(name: string): Promise<string | undefined> {
    return once(this.#byName, `d${name}`, async () => (await this.#cloud.identity.domains.list({ name }))[0]?.id);
  }
}

function once<T>(cache: Map<string, Promise<T>>, key: string, ask: () => Promise<T>): Promise<T> {
  let known = cache.get(key);
  if (!known) {
    known = ask();
    cache.set(key, known);
    // What failed is asked again.
    known.catch(() => cache.delete(key));
  }
  return known;
}
