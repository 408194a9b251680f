import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { stringify } from 'yaml';

import { replicationConfig } from './replication/godwit-config.ts';
import { starConfig } from './star/godwit-config.ts';

import type { LabPaths } from './paths.ts';
import type { Secrets } from './secrets.ts';
import { ports } from './seed/site-api.ts';
import type { SiteSpec } from './topology/load.ts';
import type { Topology } from './topology/schema.ts';

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

const hasKeystone = (site: SiteSpec): boolean => site.components.some((c) => c === 'keystone' || c === 'keystone-1');
const hasBroker = (site: SiteSpec): boolean => site.components.includes('rabbitmq');

export function cloudEntries(topology: Topology, sites: readonly SiteSpec[], secrets: Secrets): Record<string, CloudEntry> {
  const clouds: Record<string, CloudEntry> = {};
  for (const site of sites.filter(hasKeystone))
    for (const { suffix, user, project } of topology.clouds)
      clouds[suffix === '' ? site.name : `${site.name}-${suffix}`] = {
        auth: {
          auth_url: `http://${site.ip}:${String(ports.identity)}/v3`,
          username: user,
          password: secrets.get(`${site.realm}/user/${user}`),
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

export const credentialFiles = (paths: LabPaths) => ({
  clouds: join(paths.state, 'clouds.yaml'),
  godwit: join(paths.state, 'godwit.yaml'),
  masterKey: join(paths.state, 'master-key'),
  rpcUrl: (site: string): string => join(paths.state, `${site}-rpc-url`),
});

function writePrivate(file: string, content: string): void {
  writeFileSync(`${file}.new`, content, { mode: 0o600 });
  chmodSync(`${file}.new`, 0o600);
  renameSync(`${file}.new`, file);
}

/** clouds.yaml, the broker addresses and a Godwit configuration for the lab's sites. Returns clouds.yaml's text. */
export function writeCredentials(paths: LabPaths, topology: Topology, sites: readonly SiteSpec[], secrets: Secrets): string {
  mkdirSync(paths.state, { recursive: true });
  const files = credentialFiles(paths);
  const clouds = stringify({ clouds: cloudEntries(topology, sites, secrets) });
  writePrivate(files.clouds, clouds);
  for (const site of sites.filter(hasBroker)) writePrivate(files.rpcUrl(site.name), `amqp://godwit:${secrets.get(`${site.name}/rabbit/godwit`)}@${site.ip}:5672/\n`);
  writePrivate(
    files.godwit,
    stringify({
      sites: Object.fromEntries(
        sites
          .filter(hasKeystone)
          .map((s) => [s.name, { cloud: `${s.name}-godwit`, cloudsFile: files.clouds, region: s.name, ...(hasBroker(s) ? { rpc: { urlFile: files.rpcUrl(s.name) } } : {}) }]),
      ),
      server: { listen: `${topology.wan.ops}:8790` },
      database: { embedded: join(paths.state, 'postgres') },
      ...(topology.star ? starConfig(topology, files.masterKey) : {}),
      ...(topology.mirroring ? replicationConfig(topology, files.masterKey) : {}),
    }),
  );
  if (topology.star || topology.mirroring) writePrivate(files.masterKey, `${createHash('sha256').update(secrets.get('star/master-key')).update(secrets.get('star/master-key/more')).digest('base64')}\n`);
  return clouds;
}
