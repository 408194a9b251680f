import { describe, expect, it } from 'vitest';
import type { OpenStackError } from '../errors.ts';
import type { CloudConfig } from '../types.ts';
import { loadCloud, type LoadCloudOptions } from './load-cloud.ts';

type Files = Readonly<Record<string, string>>;
const HOME = '/home/u';

/** Loads from files that exist only here. */
function load(files: Files, options: Partial<LoadCloudOptions> = {}): Promise<CloudConfig> {
  return loadCloud({
    env: { HOME, ...options.env },
    ...options,
    ...(options.env ? { env: { HOME, ...options.env } } : {}),
    readFile: async (path) => {
      const content = files[path];
      if (content === 'EACCES') throw Object.assign(new Error('permission denied'), { code: 'EACCES' });
      if (content === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
      return content;
    },
  });
}
const failure = (promise: Promise<unknown>): Promise<OpenStackError> => promise.then(() => expect.unreachable('it should have failed'), (error: unknown) => error as OpenStackError);
const cloudsYaml = (clouds: Record<string, unknown>): string => JSON.stringify({ clouds });
const auth = { auth_url: 'https://k.example/v3', username: 'u', password: 'hunter22', project_name: 'p', user_domain_name: 'D', project_domain_id: 'd' };
const ONE = { 'clouds.yaml': cloudsYaml({ one: { auth } }) };
const ENV = { OS_AUTH_URL: 'https://env.example', OS_USERNAME: 'eu', OS_PASSWORD: 'ep', OS_PROJECT_NAME: 'epn' };

describe('which cloud', () => {
  const two = { 'clouds.yaml': cloudsYaml({ one: { auth }, two: { auth: { ...auth, username: 'u2' } } }) };
  it.each([
    ['the one asked for', two, { cloud: 'two', env: { OS_CLOUD: 'one', ...ENV } }, 'two', 'u2'],
    ['else OS_CLOUD, before OS_*', two, { env: { OS_CLOUD: 'one', ...ENV } }, 'one', 'u'],
    ['else OS_*, before a file', ONE, { env: ENV }, 'envvars', 'eu'],
    ['named by OS_CLOUD_NAME', ONE, { env: { ...ENV, OS_CLOUD_NAME: 'mine' } }, 'mine', 'eu'],
    ['else the only one', ONE, {}, 'one', 'u'],
    ['also when OS_* only choose', ONE, { env: { OS_REGION_NAME: 'r', OS_CLOUD_NAME: 'x', OS_CLIENT_CONFIG_FILE: 'none' } }, 'one', 'u'],
  ] as const)('%s', async (_title, files, options, name, username) => {
    const cloud = await load(files, options);
    expect(cloud.name).toBe(name);
    expect(cloud.auth.username).toBe(username);
  });
  it.each([
    ['several and none chosen', two, {}, 'OS_CONFIG_NO_CLOUD', 'one, two'],
    ['none at all', {}, {}, 'OS_CONFIG_NO_CLOUD', 'clouds.yaml'],
    ['an unknown one', two, { cloud: 'three' }, 'OS_CONFIG_CLOUD_UNKNOWN', 'cloud three is not in clouds.yaml; it has: one, two'],
    ['a name of JavaScript\'s own', two, { cloud: 'toString' }, 'OS_CONFIG_CLOUD_UNKNOWN', 'toString'],
    ['one without any file', {}, { cloud: 'one' }, 'OS_CONFIG_CLOUD_UNKNOWN', 'no clouds.yaml'],
    ['one that is no mapping', { 'clouds.yaml': cloudsYaml({ one: 7 }) }, { cloud: 'one' }, 'OS_CONFIG_INVALID', 'clouds.yaml: cloud one'],
    ['a name that OS_* have taken', { 'clouds.yaml': cloudsYaml({ envvars: { auth } }) }, { env: ENV }, 'OS_CONFIG_INVALID', 'OS_CLOUD_NAME'],
  ] as const)('not: %s', async (_title, files, options, code, text) => {
    const error = await failure(load(files, options));
    expect(error).toMatchObject({ code, kind: 'terminal' });
    expect(error.message).toContain(text);
  });
});

describe('which file', () => {
  const named = (username: string): string => cloudsYaml({ one: { auth: { ...auth, username } } });
  const all = {
    '/named.yaml': named('named'), 'clouds.yaml': named('cwd'), '/home/u/.config/openstack/clouds.yaml': named('home'), '/xdg/openstack/clouds.yml': named('xdg'),
    '/etc/openstack/clouds.json': named('etc'),
  };
  const without = (...paths: string[]): Files => Object.fromEntries(Object.entries(all).filter(([path]) => !paths.includes(path)));
  it.each([
    ['OS_CLIENT_CONFIG_FILE', all, { OS_CLIENT_CONFIG_FILE: '/named.yaml' }, 'named'],
    ['else the working directory\'s, also when that one is missing', all, { OS_CLIENT_CONFIG_FILE: '/missing.yaml' }, 'cwd'],
    ['else XDG_CONFIG_HOME\'s', without('clouds.yaml'), { XDG_CONFIG_HOME: '/xdg' }, 'xdg'],
    ['else the home\'s', without('clouds.yaml'), {}, 'home'],
    ['else the system\'s', without('clouds.yaml', '/home/u/.config/openstack/clouds.yaml'), {}, 'etc'],
    ['passing over one that may not be read', { ...all, 'clouds.yaml': 'EACCES' }, {}, 'home'],
  ])('%s', async (_title, files, env, username) => {
    expect((await load(files, { env })).auth.username).toBe(username);
  });
  it('only those asked for, with secure.yaml beside them', async () => {
    const files = { ...all, '/lab/clouds.yaml': named('lab'), '/lab/secure.yaml': cloudsYaml({ one: { auth: { password: 'from-secure' } } }), 'secure.yaml': cloudsYaml({ one: { auth: { password: 'wrong' } } }) };
    expect((await load(files, { files: ['/lab/clouds.yaml'] })).auth).toMatchObject({ username: 'lab', password: 'from-secure' });
  });
  it.each([
    ['broken YAML', 'clouds:\n  one: {auth: {password: hunter22', 'is not valid YAML'],
    ['an empty file', '', 'is empty or not a mapping'],
    ['a list', '- one', 'is empty or not a mapping'],
  ])('is named when it is %s, and not quoted', async (_title, content, text) => {
    const error = await failure(load({ 'clouds.yaml': content }));
    expect(error).toMatchObject({ code: 'OS_CONFIG_FILE', kind: 'terminal' });
    expect(error.message).toContain(`clouds.yaml ${text}`);
    expect(error.message).not.toContain('hunter22');
  });
});

describe('how files are merged', () => {
  it('secure.yaml over clouds.yaml over the profile', async () => {
    const cloud = await load({
      'clouds.yaml': cloudsYaml({ one: { profile: 'vendor', auth: { username: 'u', project_name: 'p' }, interface: 'internal' } }),
      'secure.yaml': cloudsYaml({ one: { auth: { password: 'pw' } } }),
      'clouds-public.yaml': JSON.stringify({ 'public-clouds': { vendor: { auth: { auth_url: 'https://vendor', username: 'ignored' }, interface: 'admin', regions: ['r1', 'r2'] } } }),
    });
    expect(cloud).toMatchObject({ auth: { authUrl: 'https://vendor', username: 'u', password: 'pw', projectName: 'p' }, interface: 'internal', regionName: 'r1' });
  });
  it('a profile that is nowhere is named', async () => {
    const error = await failure(load({ 'clouds.yaml': cloudsYaml({ one: { profile: 'vendor', auth: { username: 'u' } } }) }));
    expect(error).toMatchObject({ code: 'OS_CONFIG_INVALID' });
    expect(error.message).toContain('profile vendor');
  });
  it('overrides over everything', async () => {
    const cloud = await load(ONE, { overrides: { auth: { project_name: 'other' }, interface: 'admin', verify: false } });
    expect(cloud).toMatchObject({ auth: { username: 'u', projectName: 'other' }, interface: 'admin', tls: { verify: false } });
  });
});

describe('regions', () => {
  const withRegions = (regions: unknown): Files => ({ 'clouds.yaml': cloudsYaml({ one: { auth, ...(regions as object) } }) });
  const listed = { regions: ['r1', { name: 'r2', values: { auth: { project_name: 'in-r2' }, image_endpoint_override: 'https://img2' } }] };
  it.each([
    ['the first of a list', listed, {}, 'r1', 'p'],
    ['the one asked for, with its values', listed, { region: 'r2' }, 'r2', 'in-r2'],
    ['the one of OS_REGION_NAME', listed, { env: { OS_REGION_NAME: 'r2' } }, 'r2', 'in-r2'],
    ['region_name', { region_name: 'r9' }, {}, 'r9', 'p'],
    ['the first of region_name', { region_name: 'r8,r9' }, {}, 'r8', 'p'],
    ['any, where none is told', {}, { region: 'r7' }, 'r7', 'p'],
    ['none, where none is told', {}, {}, undefined, 'p'],
  ])('%s', async (_title, regions, options, name, project) => {
    const cloud = await load(withRegions(regions), options);
    expect(cloud.regionName).toBe(name);
    expect(cloud.auth.projectName).toBe(project);
  });
  it('an unknown one is refused with those that are', async () => {
    const error = await failure(load(withRegions(listed), { region: 'R1' }));
    expect(error).toMatchObject({ code: 'OS_CONFIG_REGION' });
    expect(error.message).toContain('has no region R1; it has: r1, r2');
  });
});

describe('how to authenticate', () => {
  const from = async (entry: Record<string, unknown>, env: Record<string, string> = {}) => (await load({ 'clouds.yaml': cloudsYaml({ one: entry }) }, { cloud: 'one', env })).auth;
  it('with a password', async () => {
    expect(await from({ auth })).toEqual({ authUrl: 'https://k.example/v3', type: 'password', username: 'u', password: 'hunter22', userDomainName: 'D', projectName: 'p', projectDomainId: 'd' });
  });
  it.each([
    ['one domain for both', { domain_name: 'X' }, { userDomainName: 'X', projectDomainName: 'X' }],
    ['its own before the shared one', { domain_id: 'X', user_domain_id: 'Y' }, { userDomainId: 'Y', projectDomainId: 'X' }],
    ['the default domain', {}, { userDomainId: 'default', projectDomainId: 'default' }],
    ['default_domain_name', { default_domain_name: 'Z' }, { userDomainName: 'Z', projectDomainName: 'Z' }],
  ])('in %s', async (_title, domains, expected) => {
    expect(await from({ auth: { auth_url: 'http://k', username: 'u', password: 'x', project_name: 'p', ...domains } })).toMatchObject(expected);
  });
  it('with a domain as the scope when there is no project', async () => {
    expect(await from({ auth: { auth_url: 'http://k', username: 'u', password: 'x', user_domain_id: 'a', domain_id: 'b' } })).toMatchObject({ userDomainId: 'a', domainId: 'b' });
  });
  it('for the whole system', async () => {
    expect(await from({ auth: { auth_url: 'http://k', username: 'u', password: 'x', system_scope: 'all' } })).toMatchObject({ systemScope: 'all' });
  });
  it('with older names, dashes, and values beside auth', async () => {
    expect(await from({ auth: { 'auth-url': 'http://k', username: 'u', tenant_name: 't' }, password: 'x' })).toMatchObject({ authUrl: 'http://k', projectName: 't', password: 'x' });
  });
  it('with a token', async () => {
    expect(await from({ auth_type: 'v3token', auth: { auth_url: 'http://k', token: 't', project_id: 'p' } })).toEqual({ authUrl: 'http://k', type: 'token', token: 't', projectId: 'p' });
  });
  it('with a token that stands where the password would', async () => {
    expect(await from({ auth: { auth_url: 'http://k', token: 't', project_id: 'p' } })).toMatchObject({ type: 'token' });
  });
  it('with an application credential', async () => {
    expect(await from({ auth_type: 'v3applicationcredential', auth: { auth_url: 'http://k', application_credential_id: 'i', application_credential_secret: 's' } })).toEqual({
      authUrl: 'http://k', type: 'v3applicationcredential', applicationCredentialId: 'i', applicationCredentialSecret: 's',
    });
  });
  it('from the environment alone', async () => {
    const cloud = await load({}, { env: { ...ENV, OS_USER_DOMAIN_NAME: 'UD', OS_PROJECT_DOMAIN_NAME: 'PD', OS_IDENTITY_API_VERSION: '3', OS_INTERFACE: 'internal', OS_REGION_NAME: 'r', OS_CACERT: '~/ca.pem', OS_VOLUME_ENDPOINT_OVERRIDE: 'http://vol' } });
    expect(cloud).toEqual({
      name: 'envvars',
      auth: { authUrl: 'https://env.example', type: 'password', username: 'eu', password: 'ep', projectName: 'epn', userDomainName: 'UD', projectDomainName: 'PD' },
      regionName: 'r', interface: 'internal', endpointOverrides: { volume: 'http://vol' }, tls: { verify: true, caFile: '/home/u/ca.pem' },
    });
  });
  it.each([
    [{ auth: { username: 'u' } }, 'OS_CONFIG_INCOMPLETE', 'clouds.yaml: cloud one lacks auth_url, password'],
    [{ auth: { auth_url: 'http://k', password: 'x' } }, 'OS_CONFIG_INCOMPLETE', 'lacks username or user_id'],
    [{ auth_type: 'v3applicationcredential', auth: { auth_url: 'http://k', application_credential_name: 'n' } }, 'OS_CONFIG_INCOMPLETE', 'application_credential_secret, username or user_id'],
    [{ auth_type: 'v3oidcpassword', auth }, 'OS_CONFIG_AUTH_TYPE', 'auth_type v3oidcpassword'],
    [{ auth: { ...auth, auth_url: 'keystone:5000' } }, 'OS_CONFIG_INVALID', 'auth_url is not an http or https address: keystone:5000'],
    [{ auth, interface: 'private' }, 'OS_CONFIG_INVALID', 'interface is private'],
    [{ auth, compute_endpoint_override: 'nova' }, 'OS_CONFIG_INVALID', 'compute_endpoint_override'],
    [{ auth: { ...auth, system_scope: 'some' } }, 'OS_CONFIG_INVALID', 'system_scope'],
  ])('%#: what is wrong is named', async (entry, code, text) => {
    const error = await failure(load({ 'clouds.yaml': cloudsYaml({ one: entry }) }));
    expect(error).toMatchObject({ code, kind: 'terminal' });
    expect(error.message).toContain(text);
    expect(JSON.stringify(error)).not.toContain('hunter22');
  });
});

describe('the rest', () => {
  const rest = async (entry: Record<string, unknown>) => load({ 'clouds.yaml': cloudsYaml({ one: { auth, ...entry } }) });
  it.each([
    [{}, { verify: true }],
    [{ verify: false }, { verify: false }],
    [{ insecure: true }, { verify: false }],
    [{ insecure: 'True' }, { verify: false }],
    [{ verify: 'false' }, { verify: false }],
    [{ cacert: '/ca', cert: '~/c', key: '/k' }, { verify: true, caFile: '/ca', certFile: '/home/u/c', keyFile: '/k' }],
  ])('TLS of %j', async (entry, tls) => {
    expect((await rest(entry)).tls).toEqual(tls);
  });
  it.each([
    [{}, 'public'],
    [{ interface: 'internalURL' }, 'internal'],
    [{ endpoint_type: 'adminURL' }, 'admin'],
    [{ interface: ['internal', 'public'] }, 'internal'],
  ])('interface of %j', async (entry, expected) => {
    expect((await rest(entry)).interface).toBe(expected);
  });
  it('overrides of endpoints under any of a service\'s names', async () => {
    expect((await rest({ block_storage_endpoint_override: 'http://v', object_store_endpoint: 'http://o', identity_endpoint_override: 'http://i' })).endpointOverrides).toEqual({
      volume: 'http://v', 'object-store': 'http://o', identity: 'http://i',
    });
  });
  it('api_timeout in milliseconds', async () => {
    expect((await rest({ api_timeout: 12 })).timeoutMs).toBe(12_000);
  });
  it('reads YAML', async () => {
    const yaml = 'clouds:\n  one:\n    auth: {auth_url: "http://k", username: u, password: "x"}\n    region_name: r\n';
    expect(await load({ 'clouds.yaml': yaml })).toMatchObject({ name: 'one', regionName: 'r' });
  });
});
