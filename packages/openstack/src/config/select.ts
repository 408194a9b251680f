import type { Env, LoadedFile } from './files.ts';
import { configError, isValues, mergeAuth, normalize, text, type Values } from './values.ts';

export interface Selection {
  readonly name: string;
  /** Where it was found, for errors: a file's path or `the environment (OS_*)`. */
  readonly source: string;
  readonly values: Values;
}

const FROM_ENV = 'the environment (OS_*)';
/** These choose among clouds and do not make one. */
const SELECTORS = new Set(['OS_CLOUD', 'OS_REGION_NAME', 'OS_CLIENT_CONFIG_FILE', 'OS_CLIENT_SECURE_FILE', 'OS_CLOUD_NAME']);

/** OS_* as one flat cloud, or nothing when they do no more than choose. */
export function cloudOfEnvironment(env: Env): Values | undefined {
  const keys = Object.keys(env).filter((key) => key.startsWith('OS_') && !/^OS_(TEST|STD|LOG)/.test(key) && env[key] !== undefined && env[key] !== '');
  if (keys.every((key) => SELECTORS.has(key))) return undefined;
  return Object.fromEntries(keys.map((key) => [key.slice(3).toLowerCase(), env[key]]));
}

/** The cloud asked for, else OS_CLOUD, else OS_*, else the only one of the file. */
export function selectCloud(asked: string | undefined, env: Env, clouds: Values, file: LoadedFile | undefined, looked: readonly string[]): Selection {
  const envName = env['OS_CLOUD_NAME'] || 'envvars';
  const fromEnv = cloudOfEnvironment(env);
  if (fromEnv && Object.hasOwn(clouds, envName)) {
    throw configError('OS_CONFIG_INVALID', `${file?.path ?? 'clouds.yaml'} has a cloud named ${envName}, which is also the name of the cloud that OS_* describe: rename one of them (OS_CLOUD_NAME)`);
  }
  const names = Object.keys(clouds);
  const known = (): string => (names.length > 0 ? `it has: ${names.join(', ')}` : 'it has no clouds');
  const name = asked ?? (env['OS_CLOUD'] || undefined) ?? (fromEnv ? envName : undefined) ?? (names.length === 1 ? names[0] : undefined);
  if (name === undefined) {
    throw configError('OS_CONFIG_NO_CLOUD', names.length > 1
      ? `no cloud is chosen: name one of ${names.join(', ')} of ${file?.path} (--os-cloud or OS_CLOUD)`
      : `no cloud is configured: write a clouds.yaml or set OS_AUTH_URL and its companions (looked at ${looked.slice(0, 8).join(', ')})`);
  }
  if (fromEnv && name === envName) return { name, source: FROM_ENV, values: fromEnv };
  if (!file) throw configError('OS_CONFIG_CLOUD_UNKNOWN', `cloud ${name} is not known: there is no clouds.yaml (looked at ${looked.slice(0, 8).join(', ')})`);
  if (!Object.hasOwn(clouds, name)) throw configError('OS_CONFIG_CLOUD_UNKNOWN', `cloud ${name} is not in ${file.path}; ${known()}`);
  const values = clouds[name];
  if (!isValues(values)) throw configError('OS_CONFIG_INVALID', `${file.path}: cloud ${name} is not a mapping`);
  return { name, source: file.path, values: normalize(values) };
}

/** Lays the cloud over the profile that it names, from clouds-public.yaml. */
export function withProfile(cloud: Selection, vendors: LoadedFile | undefined): Values {
  const profile = text(cloud.values['profile'] ?? cloud.values['cloud']);
  if (profile === undefined) return cloud.values;
  const known = vendors?.values['public-clouds'];
  const values = isValues(known) ? known[profile] : undefined;
  if (isValues(values)) return mergeAuth(normalize(values), cloud.values);
  // Other tools go on with a warning; without an auth_url from elsewhere they fail at a place that says less.
  const auth = isValues(cloud.values['auth']) ? cloud.values['auth'] : {};
  if (auth['auth_url'] !== undefined || cloud.values['auth_url'] !== undefined) return cloud.values;
  throw configError('OS_CONFIG_INVALID', `${cloud.source}: cloud ${cloud.name} names the profile ${profile}, which is not in ${vendors?.path ?? 'any clouds-public.yaml'}`);
}

/** Chooses a region and lays what the file says of it over the cloud. */
export function withRegion(cloud: Selection, values: Values, asked: string | undefined): Values {
  const regions = knownRegions(cloud, values);
  const chosen = asked === undefined ? regions[0] : regions.length === 0 ? { name: asked, values: {} } : regions.find((region) => region.name === asked);
  if (asked !== undefined && chosen === undefined) {
    throw configError('OS_CONFIG_REGION', `${cloud.source}: cloud ${cloud.name} has no region ${asked}; it has: ${regions.map((region) => region.name).join(', ')} (upper and lower case matter)`);
  }
  const { regions: _regions, region_name: _name, ...rest } = values;
  if (chosen === undefined) return rest;
  return mergeAuth(mergeAuth(rest, normalize(chosen.values)), { region_name: chosen.name });
}

function knownRegions(cloud: Selection, values: Values): { name: string; values: Values }[] {
  const listed = values['regions'] ?? values['region_name'];
  if (listed === undefined || listed === null || listed === '') return [];
  const entries: unknown[] = Array.isArray(listed) ? listed : String(listed).split(',');
  return entries.map((entry) => {
    if (isValues(entry)) {
      const name = text(entry['name']);
      if (name === undefined) throw configError('OS_CONFIG_INVALID', `${cloud.source}: cloud ${cloud.name} has an entry without a name under regions`);
      return { name, values: isValues(entry['values']) ? entry['values'] : {} };
    }
    return { name: String(entry).trim(), values: {} };
  });
}
