import { GodwitError, type ProjectRef, type Site } from '@godwit/sites';
import { at } from '@godwit/sites';
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

/** `<domain>/<name>`, the domain's slashes escaped: as jobs are labelled. */
export const projectKey = (p: ProjectRef): string => `${p.domain.replaceAll('%', '%25').replaceAll('/', '%2F')}/${p.name}`;

export const projectOf = (key: string): ProjectRef => {
  const slash = key.indexOf('/');
  return { domain: key.slice(0, slash).replaceAll('%2F', '/').replaceAll('%25', '%'), name: key.slice(slash + 1) };
};

export function callerProject(caller: Caller): ProjectRef {
  if (caller.project) return caller.project;
  throw new GodwitError('GW_NO_PROJECT', 'terminal', 'your token is for no project', { action: 'Name one: OS_PROJECT_NAME and OS_PROJECT_DOMAIN_NAME.' });
}

/** What is for administrators only: flavors, quotas, other projects. */
export function adminOnly(caller: Caller, what: string): void {
  if (caller.admin) return;
  throw new GodwitError('GW_ROLE_REQUIRED', 'terminal', `${caller.userName} needs the role admin for ${what}`, { action: 'Ask an administrator of Godwit.' });
}

/** The project's id at a site, by logging in to it. GW_PROJECT_NOT_SERVED where Godwit's user has no role in it. */
export async function projectIdAt(site: Site, project: ProjectRef): Promise<string> {
  const { projectId } = await at(site.name, () => site.asProject(project).session.token().catch(async (error: unknown) => {
    const { code } = error as { code?: string };
    if (code !== 'OS_UNAUTHORIZED' && code !== 'OS_FORBIDDEN') throw error;
    // Keystone answers a wrong password likewise: that shows here.
    await site.admin.session.token();
    throw new GodwitError('GW_PROJECT_NOT_SERVED', 'terminal', `${site.name}: Godwit’s user has no role in project ${projectKey(project)}, or there is no such project`, {
      site: site.name, resource: `project ${projectKey(project)}`, action: 'Make the project there and give Godwit’s user the roles of docs/operators/roles.md.', cause: error,
    });
  }), `project ${project.name}`);
  return projectId ?? '';
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
