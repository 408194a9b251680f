import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { World } from './core/world.ts';

/** One entry of clouds.yaml, as OpenStack's own clients read it. */
export interface CloudEntry {
  readonly auth: {
    readonly auth_url: string;
    readonly username: string;
    readonly password: string;
    readonly project_name: string;
    readonly user_domain_name: string;
    readonly project_domain_name: string;
  };
  readonly region_name: string;
  readonly interface: 'public';
  readonly identity_api_version: 3;
}

export interface WriteConfigOptions {
  /** Of the controller; default a free port. */
  readonly listen?: string;
  /** Directory of the controller's embedded database; left out, the configuration names none (DATABASE_URL decides). */
  readonly embedded?: string;
}

export interface ConfigFiles {
  readonly clouds: string;
  readonly godwit: string;
}

export function cloudEntries({ sites, topology }: World): Record<string, CloudEntry> {
  const clouds: Record<string, CloudEntry> = {};
  for (const site of sites.values())
    for (const { suffix, user, project } of topology.clouds)
      clouds[suffix === '' ? site.name : `${site.name}-${suffix}`] = {
        auth: {
          auth_url: `${site.address}/identity/v3`,
          username: user,
          password: site.secret(`user/${user}`),
          project_name: project,
          user_domain_name: 'Default',
          project_domain_name: 'Default',
        },
        region_name: site.name,
        interface: 'public',
        identity_api_version: 3,
      };
  return clouds;
}

export function writeConfig(world: World, directory: string, rpcUrl: (site: string) => string, options: WriteConfigOptions = {}): ConfigFiles {
  mkdirSync(directory, { recursive: true });
  const files: ConfigFiles = { clouds: join(directory, 'clouds.yaml'), godwit: join(directory, 'godwit.yaml') };
  const keep = (file: string, content: string): string => (writeFileSync(file, content, { mode: 0o600 }), file);
  keep(files.clouds, stringify({ clouds: cloudEntries(world) }));
  const sites = [...world.sites.keys()].map((name) => {
    const urlFile = keep(join(directory, `${name}-rpc-url`), `${rpcUrl(name)}\n`);
    return [name, { cloud: `${name}-godwit`, cloudsFile: files.clouds, region: name, rpc: { urlFile } }] as const;
  });
  keep(files.godwit, stringify({
    sites: Object.fromEntries(sites),
    server: { listen: options.listen ?? '127.0.0.1:0' },
    ...(options.embedded !== undefined && { database: { embedded: options.embedded } }),
  }));
  return files;
}
