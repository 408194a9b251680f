import { GodwitError } from '@godwit/sites';
import type { RenderKind } from '../schemas.ts';
import { hostPort, type Star, type StarSite } from '../star.ts';
import { renderHaproxy } from './haproxy.ts';
import { renderMariadb } from './mariadb.ts';

export interface RenderFacts {
  readonly region: string;
}

/** What a site's machines are configured with, as text. Holds no secret: where one belongs, a name stands that is to be replaced. */
export function render(star: Star, site: StarSite, what: RenderKind, facts: RenderFacts): string {
  switch (what) {
    case 'haproxy':
      return renderHaproxy(star, site);
    case 'authtoken':
      return authtoken(site, facts);
    case 'keystone':
      return keystone(star, site);
    case 'mariadb':
      return renderMariadb(star, site);
  }
}

/** For every service of the site that validates tokens: at its own site's Keystone, by the region of the catalogue. */
function authtoken(site: StarSite, { region }: RenderFacts): string {
  const root = site.url.replace(/\/v3\/?$/, '');
  return `# In nova.conf, cinder.conf, neutron.conf, glance-api.conf … of ${site.name}; keep the user that is there.
[keystone_authtoken]
www_authenticate_uri = ${root}
auth_url = ${root}
region_name = ${region}
interface = public
auth_type = password
username = SERVICE
password = ITS_PASSWORD
project_name = service
user_domain_name = Default
project_domain_name = Default
# Tokens of long jobs are asked for after their end: see allow_expired_window.
service_token_roles = service
service_token_roles_required = true
# A revocation is seen this late at most.
token_cache_time = 60

# What the service itself asks of others, it asks of its own region.
[service_user]
send_service_user_token = true
auth_url = ${root}
region_name = ${region}
auth_type = password
username = SERVICE
password = ITS_PASSWORD
project_name = service
user_domain_name = Default
project_domain_name = Default
`;
}

function keystone(star: Star, site: StarSite): string {
  const { tokens, fernet } = star.config;
  const blocks = site.nodes.map((n) => {
    const database = n.database === undefined ? { host: 'localhost', port: 3306 } : hostPort(n.database);
    return `# /etc/keystone/keystone.conf of ${n.name}
[database]
connection = mysql+pymysql://keystone:ITS_PASSWORD@${database.host}:${database.port}/keystone
[token]
provider = fernet
expiration = ${tokens.expirationSeconds}
allow_expired_window = ${tokens.allowExpiredWindowSeconds}
[fernet_tokens]
key_repository = /etc/keystone/fernet-keys/
max_active_keys = ${fernet.maxActiveKeys}
# Receipts of logins with several factors: without this they would be looked for in the default directory, wherever the tokens' keys are.
[fernet_receipts]
key_repository = /etc/keystone/fernet-keys/
max_active_keys = ${fernet.maxActiveKeys}
[credential]
key_repository = /etc/keystone/credential-keys/
`;
  });
  return `# The same at every node but for the database, which is each node's own. No keystone-manage fernet_rotate from cron any more: Godwit rotates.\n${blocks.join('\n')}`;
}

export function regionOf(site: StarSite, fallback: string | undefined): string {
  const region = site.region ?? fallback;
  if (region !== undefined) return region;
  throw new GodwitError('GW_CONFIG_INVALID', 'terminal', `identity.sites.${site.name}: no region is known`, { site: site.name, action: 'Give identity.sites.SITE.region, or sites.SITE.region.' });
}
