import { readFile } from 'node:fs/promises';
import { type FileCache, loadCloud } from '@godwit/openstack';
import { checkSite } from './check.ts';
import type { GodwitConfig, SiteConfig, SiteMapping } from './config.ts';
import { GodwitError } from './errors.ts';
import { HealthPoller } from './health.ts';
import { OpenStackSite, type RpcAccess, type SiteDeps } from './site.ts';
import { toGodwitError } from './translate.ts';
import type { MappedKind, Site, SiteCheck, SiteHealth, SiteRegistry } from './types.ts';

export interface RegistryOptions extends SiteDeps {
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Between two polls of a site's health. */
  readonly pollMs?: number;
}

/** Builds the registry of a configuration; reads clouds.yaml and the RPC URL files, and touches no site. */
export async function openSites(config: GodwitConfig, options: RegistryOptions = {}): Promise<SiteRegistry> {
  const cache: FileCache = new Map();
  const sites = await Promise.all(Object.entries(config.sites).map(([name, s]) => openSite(name, s, options, cache)));
  return new Registry(sites, config.mappings, options.pollMs ?? 5_000);
}

async function openSite(name: string, config: SiteConfig, options: RegistryOptions, cache: FileCache): Promise<OpenStackSite> {
  try {
    const cloud = await loadCloud({
      cloud: config.cloud,
      cache,
      // The environment's OS_* speak for the user of a client, not for the controller.
      env: Object.fromEntries(Object.entries(options.env ?? process.env).filter(([k]) => !k.startsWith('OS_') || k === 'OS_CLIENT_CONFIG_FILE')),
      ...(config.region === undefined ? {} : { region: config.region }),
      ...(config.cloudsFile === undefined ? {} : { files: [config.cloudsFile] }),
    });
    // Scoped once and for all: what is asked of one project would be answered of another.
    if (cloud.auth.type !== 'password') throw new GodwitError('GW_CONFIG_INVALID', 'terminal', `cloud ${config.cloud} logs in by ${cloud.auth.type}, with which Godwit cannot enter the protected projects; use a password`);
    return new OpenStackSite(name, cloud, await rpcAccess(config), options);
  } catch (cause) {
    const error = toGodwitError(cause, { site: name });
    throw new GodwitError('GW_CONFIG_INVALID', 'terminal', `site ${name}: ${error.message}`, { site: name, action: 'Correct this site in godwit.yaml or its entry in clouds.yaml.', cause });
  }
}

async function rpcAccess({ rpc }: SiteConfig): Promise<RpcAccess | undefined> {
  if (rpc === undefined) return undefined;
  const url = rpc.url ?? (await readFile(rpc.urlFile ?? '', 'utf8')).trim();
  const { caFile, certFile, keyFile } = rpc;
  return { url, ...(caFile ? { caFile } : {}), ...(certFile ? { certFile } : {}), ...(keyFile ? { keyFile } : {}) };
}

class Registry implements SiteRegistry {
  readonly #sites: ReadonlyMap<string, OpenStackSite>;
  readonly #mappings: readonly SiteMapping[];
  readonly #health: HealthPoller;

  constructor(sites: readonly OpenStackSite[], mappings: readonly SiteMapping[], pollMs: number) {
    this.#sites = new Map(sites.map((s) => [s.name, s]));
    this.#mappings = mappings;
    this.#health = new HealthPoller(sites, pollMs);
  }

  names(): readonly string[] {
    return [...this.#sites.keys()];
  }

  get(name: string): Site {
    const site = this.#sites.get(name);
    if (site) return site;
    throw new GodwitError('GW_SITE_UNKNOWN', 'terminal', `there is no site ${name}`, {
      site: name,
      action: `Sites known here: ${this.names().join(', ')}.`,
    });
  }

  list(): readonly Site[] {
    return [...this.#sites.values()];
  }

  check(name: string): Promise<SiteCheck> {
    return checkSite(this.get(name));
  }

  health(name: string): SiteHealth {
    return this.#health.of(this.get(name).name);
  }

  map(from: string, to: string, what: MappedKind, name: string): string {
    const mapping = this.#mappings.find((m) => m.from === from && m.to === to);
    const mapped = mapping?.[what];
    if (mapped !== undefined && Object.hasOwn(mapped, name)) return mapped[name] ?? name;
    // A mapping holds both ways: what comes back is called as it was.
    const back = this.#mappings.find((m) => m.from === to && m.to === from);
    return Object.entries(back?.[what] ?? {}).find(([, v]) => v === name)?.[0] ?? name;
  }

  start(): void {
    this.#health.start();
  }

  async close(): Promise<void> {
    this.#health.stop();
    await Promise.allSettled([...this.#sites.values()].map((s) => s.close()));
  }
}
