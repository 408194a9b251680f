import type { CloudConfig } from '@godwit/openstack';
import type { Emulator } from '../src/index.ts';

/** An entry of the emulated sites' clouds.yaml, for Godwit's own client: `site1`, `site1-admin`, `site1-stranger`, … */
export function cloudConfig(emulator: Emulator, name: string): CloudConfig {
  const entry = emulator.clouds()[name];
  if (!entry) throw new Error(`no cloud ${name}`);
  const { auth } = entry;
  return {
    name,
    auth: { type: 'password', authUrl: auth.auth_url, username: auth.username, password: auth.password, projectName: auth.project_name, userDomainName: auth.user_domain_name, projectDomainName: auth.project_domain_name },
    regionName: entry.region_name,
    interface: 'public',
    endpointOverrides: {},
    tls: { verify: true },
  };
}
