import { CliError } from './errors.ts';
import { exit } from './exit-codes.ts';
import type { Login } from './io.ts';

/**
 * A token of the user's own Keystone, by clouds.yaml and OS_* as every OpenStack tool reads them. Kept in memory only.
 * Loaded when it is needed: `godwit --help` should not wait for an HTTP client.
 */
export const keystoneLogin: Login = async ({ cloud: name, env }) => {
  const { createCloud, loadCloud } = await import('@godwit/openstack');
  const cloud = createCloud(await loadCloud({ env, ...(name !== undefined && { cloud: name }) }).catch(refused), { userAgent: 'godwit' });
  try {
    const { id } = await cloud.session.token({ timeoutMs: 30_000 });
    return { token: id, authUrl: cloud.config.auth.authUrl };
  } catch (error) {
    throw refused(error, cloud.config.auth.authUrl);
  } finally {
    await cloud.close();
  }
};

function refused(error: unknown, authUrl?: string): never {
  const { code, message, requestId } = error as { code?: string; message?: string; requestId?: string };
  const text = message ?? String(error);
  if (code?.startsWith('OS_CONFIG_')) {
    throw new CliError({ code: 'GW_CLOUD_CONFIG', message: text, action: 'Name a cloud of clouds.yaml with --os-cloud or OS_CLOUD, or set OS_AUTH_URL, OS_USERNAME, OS_PASSWORD, OS_PROJECT_NAME …' }, exit.auth);
  }
  if (code === 'OS_UNAUTHORIZED' || code === 'OS_FORBIDDEN') {
    throw new CliError({ code: 'GW_CREDENTIALS_REFUSED', message: text, resource: authUrl, requestId, action: 'Check user, password, project and their domains.' }, exit.auth);
  }
  throw new CliError(
    { code: 'GW_KEYSTONE_UNREACHABLE', message: text, resource: authUrl, requestId, action: 'If that site is lost, take a token of another: --os-cloud with an entry of the other site.' },
    exit.auth,
  );
}
