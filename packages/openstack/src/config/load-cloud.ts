import { readFile as readFileOf } from 'node:fs/promises';
import type { CloudConfig, ServiceType } from '../types.ts';
import { readAuth } from './auth.ts';
import { expandHome, type FileCache, loadFirst, searchPaths, type Env, type ReadFile } from './files.ts';
import { selectCloud, withProfile, withRegion, type Selection } from './select.ts';
import { configError, flag, isValues, merge, mergeAuth, normalize, text, type Values } from './values.ts';

export interface LoadCloudOptions {
  /** Name of an entry; else OS_CLOUD, else OS_* themselves, else the only entry. */
  readonly cloud?: string;
  /** Else OS_REGION_NAME, else the first of the cloud. */
  readonly region?: string;
  readonly env: Env;
  /** Look at these instead of the usual places; secure.yaml and clouds-public.yaml are looked for beside them. */
  readonly files?: readonly string[];
  readonly readFile?: ReadFile;
  /** Handed to several calls, files are read and parsed once for all of them: a thousand clouds of one file. */
  readonly cache?: FileCache;
  /** Laid over everything, with the names of clouds.yaml: `{ auth: { password }, verify: false }`. */
  readonly overrides?: Readonly<Record<string, unknown>>;
}

/**
 * Reads one cloud from clouds.yaml, secure.yaml, clouds-public.yaml and OS_*, with the precedence of openstacksdk.
 * Rejects with OS_CONFIG_… that names file and entry, never a secret.
 */
export async function loadCloud(options: LoadCloudOptions): Promise<CloudConfig> {
  const { env } = options;
  const readFile: ReadFile = options.readFile ?? ((path) => readFileOf(path, 'utf8'));
  const paths = searchPaths(env, options.files);
  const [file, secure, vendors] = await Promise.all([paths.clouds, paths.secure, paths.vendors].map((files) => loadFirst(files, readFile, options.cache)));
  const merged = merge(file?.values ?? {}, secure?.values ?? {});
  const clouds = merged['clouds'] ?? {};
  if (!isValues(clouds)) throw configError('OS_CONFIG_INVALID', `${file?.path ?? secure?.path}: clouds is not a mapping`);

  const selected = selectCloud(options.cloud, env, clouds, file ?? secure, paths.clouds);
  const region = options.region ?? (env['OS_REGION_NAME'] || undefined);
  const regional = withRegion(selected, withProfile(selected, vendors), region);
  const values = mergeAuth(regional, normalize(options.overrides ?? {}));
  return readCloud(selected, values, env);
}

function readCloud(cloud: Selection, values: Values, env: Env): CloudConfig {
  const path = (key: string): string | undefined => {
    const value = text(values[key]);
    return value === undefined ? undefined : expandHome(value, env);
  };
  const caFile = path('cacert');
  const certFile = path('cert');
  const keyFile = path('key');
  const regionName = text(values['region_name']);
  const timeoutSeconds = Number(text(values['api_timeout']) ?? NaN);
  return {
    name: cloud.name,
    auth: readAuth(cloud, values),
    ...(regionName === undefined ? {} : { regionName }),
    interface: readInterface(cloud, values),
    endpointOverrides: readOverrides(cloud, values),
    tls: {
      verify: !flag(values['insecure'], false) && flag(values['verify'], true),
      ...(caFile === undefined ? {} : { caFile }),
      ...(certFile === undefined ? {} : { certFile }),
      ...(keyFile === undefined ? {} : { keyFile }),
    },
    ...(timeoutSeconds > 0 ? { timeoutMs: timeoutSeconds * 1000 } : {}),
  };
}

function readInterface(cloud: Selection, values: Values): CloudConfig['interface'] {
  const named = values['interface'] ?? values['endpoint_type'] ?? 'public';
  // A list is in order of preference.
  const first = String(Array.isArray(named) ? named[0] : named).split(',')[0]?.trim().replace(/URL$/, '');
  if (first === 'public' || first === 'internal' || first === 'admin') return first;
  throw configError('OS_CONFIG_INVALID', `${cloud.source}: cloud ${cloud.name}: interface is ${first}; it can be public, internal or admin`);
}

/** Names of services as they begin the keys of clouds.yaml, later ones winning. */
const PREFIXES: Readonly<Record<ServiceType, readonly string[]>> = {
  identity: ['identity'],
  compute: ['compute'],
  volume: ['volume', 'volumev2', 'volumev3', 'block_store', 'block_storage'],
  image: ['image'],
  network: ['network'],
  'object-store': ['object_store'],
  placement: ['placement'],
};

function readOverrides(cloud: Selection, values: Values): CloudConfig['endpointOverrides'] {
  const overrides: Partial<Record<ServiceType, string>> = {};
  for (const [service, prefixes] of Object.entries(PREFIXES) as [ServiceType, readonly string[]][]) {
    for (const key of prefixes.flatMap((prefix) => [`${prefix}_endpoint`, `${prefix}_endpoint_override`])) {
      const url = text(values[key]);
      if (url === undefined) continue;
      if (!URL.canParse(url)) throw configError('OS_CONFIG_INVALID', `${cloud.source}: cloud ${cloud.name}: ${key} is not an address: ${url}`);
      overrides[service] = url;
    }
  }
  return overrides;
}
