import type { IdentityConfig, IdentityNodeConfig, IdentitySiteConfig } from '@godwit/sites';
import { GodwitError } from '@godwit/sites';
import type { HostPort } from './nodes.ts';

export interface StarNode extends IdentityNodeConfig {
  readonly site: string;
  readonly role: 'master' | 'replica';
  /** Of its Keystone, with the API's version. */
  readonly url: string;
}

export interface StarSite extends Omit<IdentitySiteConfig, 'nodes'> {
  readonly name: string;
  readonly nodes: readonly StarNode[];
}

/** The star as godwit.yaml declares it. Which of its sites have joined is the store's to say. */
export interface Star {
  readonly config: IdentityConfig;
  readonly sites: readonly StarSite[];
  readonly nodes: readonly StarNode[];
  /** Throws GW_STAR_SITE_UNKNOWN. */
  site(name: string): StarSite;
  /** Throws GW_STAR_NODE_UNKNOWN. */
  node(name: string): StarNode;
}

export function createStar(config: IdentityConfig): Star {
  const sites = Object.entries(config.sites).map(([name, s]): StarSite => {
    const path = new URL(s.url).pathname.replace(/\/+$/, '') || '/v3';
    return { ...s, name, nodes: s.nodes.map((n): StarNode => ({ ...n, site: name, role: s.role, url: `${n.tls ? 'https' : 'http'}://${n.address}${path}` })) };
  });
  const nodes = sites.flatMap((s) => s.nodes);
  return {
    config,
    sites,
    nodes,
    site(name) {
      const found = sites.find((s) => s.name === name);
      if (found) return found;
      throw new GodwitError('GW_STAR_SITE_UNKNOWN', 'terminal', `site ${name} is not in the star that godwit.yaml declares`, { site: name, action: `Sites of the star: ${sites.map((s) => s.name).join(', ')}. Declare it in identity.sites, and start the controller again.` });
    },
    node(name) {
      const found = nodes.find((n) => n.name === name);
      if (found) return found;
      throw new GodwitError('GW_STAR_NODE_UNKNOWN', 'terminal', `there is no Keystone node ${name} in the star`, { resource: `node ${name}`, action: `Nodes: ${nodes.map((n) => n.name).join(', ')}.` });
    },
  };
}

/** `[::1]:3306` or `host:3306` */
export function hostPort(text: string): HostPort {
  const colon = text.lastIndexOf(':');
  return { host: text.slice(0, colon).replace(/^\[(.*)\]$/, '$1'), port: Number(text.slice(colon + 1)) };
}
