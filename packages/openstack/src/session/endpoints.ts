import { OpenStackError } from '../errors.ts';
import type { CloudConfig, ServiceType } from '../types.ts';
import type { CatalogEntry, Token } from './token.ts';

/** Names of a service in catalogues, the official one first (as in the service-types authority). */
export const ALIASES: Readonly<Record<ServiceType, readonly string[]>> = {
  identity: ['identity', 'identityv3'],
  compute: ['compute', 'computev21'],
  volume: ['block-storage', 'volumev3', 'block-store', 'volume'],
  image: ['image'],
  network: ['network'],
  'object-store': ['object-store'],
  placement: ['placement'],
};

/**
 * Address of a service for this token, with the API's version in it and no trailing slash.
 * Rejects with OS_ENDPOINT_MISSING, naming what the catalogue has.
 */
export function endpointOf(service: ServiceType, token: Token, config: CloudConfig): string {
  const override = config.endpointOverrides[service];
  if (override !== undefined) return versioned(service, override, token.projectId);
  const url = fromCatalog(service, token.catalog, config);
  if (url !== undefined) return versioned(service, url, token.projectId);
  // Keystone itself is known without a catalogue: an unscoped token has none.
  if (service === 'identity') return versioned('identity', config.auth.authUrl, undefined);
  const region = config.regionName === undefined ? 'any region' : `region ${config.regionName}`;
  const known = token.catalog.flatMap((entry) => entry.endpoints.map((e) => `${entry.type} ${e.interface} ${e.region_id ?? e.region ?? '-'}`));
  throw new OpenStackError({
    code: 'OS_ENDPOINT_MISSING',
    kind: 'terminal',
    service,
    message: `cloud ${config.name}: the catalogue has no ${config.interface} endpoint of ${service} for ${region}; it has: ${known.length > 0 ? known.slice(0, 30).join(', ') : 'nothing (is the token scoped to a project?)'}`,
  });
}

function fromCatalog(service: ServiceType, catalog: readonly CatalogEntry[], config: CloudConfig): string | undefined {
  for (const type of ALIASES[service]) {
    for (const entry of catalog) {
      if (entry.type !== type) continue;
      const endpoint = entry.endpoints.find(
        (e) => e.interface.replace(/URL$/, '') === config.interface && (config.regionName === undefined || (e.region_id ?? e.region) === config.regionName || e.region === config.regionName),
      );
      if (endpoint) return endpoint.url;
    }
  }
  return undefined;
}

/** Catalogues hold addresses with and without a version, and old ones: each service has one API that we speak. */
export function versioned(service: ServiceType, url: string, projectId: string | undefined): string {
  const base = url.replace(/\/+$/, '');
  switch (service) {
    case 'identity':
      return replaceVersion(base, /\/v[23](\.0)?$/, '/v3');
    case 'compute':
      // v2 is the same code without microversions; a project id behind the version is optional everywhere.
      return replaceVersion(base, /\/v2(\.\d+)?(\/[^/]+)?$/, '/v2.1');
    case 'volume': {
      const root = replaceVersion(base, /\/v[123](\/[^/]+)?$/, '/v3');
      return projectId === undefined ? root : `${root}/${projectId}`;
    }
    case 'image':
      return replaceVersion(base, /\/v[12](\.\d+)?$/, '/v2');
    case 'network':
      return replaceVersion(base, /\/v2(\.0)?$/, '/v2.0');
    case 'object-store':
    case 'placement':
      return base;
  }
}

function replaceVersion(base: string, pattern: RegExp, version: string): string {
  return pattern.test(base) ? base.replace(pattern, version) : `${base}${version}`;
}

/** Where a service tells the range of its microversions; undefined when it has none. */
export function discoveryUrl(service: ServiceType, endpoint: string): string | undefined {
  switch (service) {
    case 'compute':
      return `${endpoint}/`;
    case 'volume':
      return `${endpoint.replace(/\/v3\/[^/]+$/, '/v3')}/`;
    case 'placement':
      return `${endpoint}/`;
    case 'identity':
    case 'image':
    case 'network':
    case 'object-store':
      return undefined;
  }
}
