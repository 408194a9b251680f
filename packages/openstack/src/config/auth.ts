import type { AuthConfig } from '../types.ts';
import type { Selection } from './select.ts';
import { configError, isValues, text, type Values } from './values.ts';

const TYPES: Readonly<Record<string, AuthConfig['type']>> = {
  password: 'password',
  v3password: 'password',
  token: 'token',
  v3token: 'token',
  v3applicationcredential: 'v3applicationcredential',
};

/** Older names of the same things; the first that is set wins. */
const NAMES = {
  auth_url: ['auth_url'],
  username: ['username', 'user_name'],
  user_id: ['user_id'],
  password: ['password'],
  token: ['token', 'auth_token'],
  project_id: ['project_id', 'tenant_id'],
  project_name: ['project_name', 'tenant_name'],
  user_domain_id: ['user_domain_id'],
  user_domain_name: ['user_domain_name'],
  project_domain_id: ['project_domain_id'],
  project_domain_name: ['project_domain_name'],
  domain_id: ['domain_id'],
  domain_name: ['domain_name'],
  default_domain_id: ['default_domain_id'],
  default_domain_name: ['default_domain_name', 'default_domain'],
  system_scope: ['system_scope'],
  application_credential_id: ['application_credential_id'],
  application_credential_name: ['application_credential_name'],
  application_credential_secret: ['application_credential_secret'],
} as const;
type Name = keyof typeof NAMES;
type Found = Partial<Record<Name, string>>;

/** What is under `auth` wins over what stands beside it. */
function collect(values: Values): Found {
  const auth = isValues(values['auth']) ? values['auth'] : {};
  const found: Found = {};
  for (const [name, aliases] of Object.entries(NAMES) as [Name, readonly string[]][]) {
    const value = aliases.map((alias) => text(auth[alias])).find((one) => one !== undefined) ?? aliases.map((alias) => text(values[alias])).find((one) => one !== undefined);
    if (value !== undefined) found[name] = value;
  }
  return found;
}

/** Reads how to authenticate. OS_CONFIG_AUTH_TYPE, or OS_CONFIG_INCOMPLETE that lists all that is missing. */
export function readAuth(cloud: Selection, values: Values): AuthConfig {
  const found = collect(values);
  const type = typeOf(cloud, text(values['auth_type'] ?? values['auth_plugin']), found);
  const project = found.project_id !== undefined || found.project_name !== undefined;
  // "Allow people to just specify domain once": a domain beside a project is the domain of both user and project.
  const sharedId = project ? found.domain_id : undefined;
  const sharedName = project ? found.domain_name : undefined;
  const domains = (id: string | undefined, name: string | undefined): { id?: string; name?: string } => {
    if (id !== undefined) return { id };
    if (name !== undefined) return { name };
    if (sharedId !== undefined) return { id: sharedId };
    if (sharedName !== undefined) return { name: sharedName };
    if (found.default_domain_id !== undefined) return { id: found.default_domain_id };
    if (found.default_domain_name !== undefined) return { name: found.default_domain_name };
    return { id: 'default' };
  };
  const user = domains(found.user_domain_id, found.user_domain_name);
  const owner = domains(found.project_domain_id, found.project_domain_name);

  const missing: string[] = [];
  const need = (present: unknown, what: string): void => {
    if (!present) missing.push(what);
  };
  need(found.auth_url, 'auth_url');
  if (type === 'password') {
    need(found.username ?? found.user_id, 'username or user_id');
    need(found.password, 'password');
  } else if (type === 'token') need(found.token, 'token');
  else {
    need(found.application_credential_id ?? found.application_credential_name, 'application_credential_id or application_credential_name');
    need(found.application_credential_secret, 'application_credential_secret');
    if (!found.application_credential_id && found.application_credential_name) need(found.username ?? found.user_id, 'username or user_id (an application credential is named within a user)');
  }
  if (missing.length > 0) throw configError('OS_CONFIG_INCOMPLETE', `${cloud.source}: cloud ${cloud.name} lacks ${missing.join(', ')}`);
  const authUrl = (found.auth_url ?? '').replaceAll('{region_name}', text(values['region_name']) ?? '');
  if (!/^https?:\/\/[^/]/i.test(authUrl) || !URL.canParse(authUrl)) throw configError('OS_CONFIG_INVALID', `${cloud.source}: cloud ${cloud.name}: auth_url is not an http or https address: ${authUrl}`);
  if (found.system_scope !== undefined && found.system_scope !== 'all') throw configError('OS_CONFIG_INVALID', `${cloud.source}: cloud ${cloud.name}: system_scope can only be "all"`);

  return prune({
    authUrl,
    type,
    username: found.username,
    userId: found.user_id,
    password: type === 'password' ? found.password : undefined,
    ...(found.username !== undefined && found.user_id === undefined ? { userDomainId: user.id, userDomainName: user.name } : {}),
    projectId: found.project_id,
    projectName: found.project_name,
    ...(found.project_name !== undefined && found.project_id === undefined ? { projectDomainId: owner.id, projectDomainName: owner.name } : {}),
    ...(project ? {} : { domainId: found.domain_id, domainName: found.domain_name }),
    systemScope: found.system_scope === 'all' ? 'all' : undefined,
    token: type === 'token' ? found.token : undefined,
    ...(type === 'v3applicationcredential'
      ? { applicationCredentialId: found.application_credential_id, applicationCredentialName: found.application_credential_name, applicationCredentialSecret: found.application_credential_secret }
      : {}),
  });
}

function typeOf(cloud: Selection, named: string | undefined, found: Found): AuthConfig['type'] {
  if (named !== undefined) {
    const type = TYPES[named];
    if (type === undefined) throw configError('OS_CONFIG_AUTH_TYPE', `${cloud.source}: cloud ${cloud.name} has auth_type ${named}; known are ${Object.keys(TYPES).join(', ')}`);
    // A token that is handed in beside the default type is meant.
    return type === 'password' && found.password === undefined && found.token !== undefined ? 'token' : type;
  }
  if (found.password !== undefined) return 'password';
  if (found.token !== undefined) return 'token';
  return found.application_credential_secret !== undefined ? 'v3applicationcredential' : 'password';
}

function prune(auth: { [K in keyof AuthConfig]: AuthConfig[K] | undefined }): AuthConfig {
  return Object.fromEntries(Object.entries(auth).filter(([, value]) => value !== undefined)) as unknown as AuthConfig;
}
