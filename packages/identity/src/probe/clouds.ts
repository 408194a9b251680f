import type { Cloud } from '@godwit/openstack';
import type { Deps } from '../deps.ts';

/** One Keystone, or a site's address, as Godwit's own user of that site; kept, so that its connections are. */
export class Clouds {
  readonly #deps: Pick<Deps, 'sites' | 'createCloud'>;
  readonly #clouds = new Map<string, Cloud>();

  constructor(deps: Pick<Deps, 'sites' | 'createCloud'>) {
    this.#deps = deps;
  }

  at(site: string, url: string): Cloud {
    const key = `${site} ${url}`;
    let cloud = this.#clouds.get(key);
    if (!cloud) {
      const { config } = this.#deps.sites.get(site).admin;
      cloud = this.#deps.createCloud({ ...config, name: `${config.name} at ${url}`, auth: { ...config.auth, authUrl: url }, endpointOverrides: { ...config.endpointOverrides, identity: url } });
      this.#clouds.set(key, cloud);
    }
    return cloud;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#clouds.values()].map((c) => c.close()));
    this.#clouds.clear();
  }
}
