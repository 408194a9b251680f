import { GodwitError, type Site, type SiteHealth, type SiteRegistry } from '@godwit/sites';

/** What a Keystone says of a token. */
export interface FakeToken {
  userId: string;
  userName: string;
  projectName?: string;
  projectDomainName?: string;
  systemScope: boolean;
  roles: string[];
  expiresAt: Date;
}

export interface FakeKeystone {
  /** `dead`: refuses connections; `silent`: never answers; `broken`: does not take Godwit’s own credentials. */
  mode: 'up' | 'dead' | 'silent' | 'broken';
  readonly tokens: Map<string, FakeToken>;
  asked: number;
}

export class FakeSites implements SiteRegistry {
  readonly keystones: Readonly<Record<string, FakeKeystone>>;
  readonly #health = new Map<string, SiteHealth['state']>();
  readonly #sites: ReadonlyMap<string, Site>;

  constructor(names: readonly string[], authUrl = (name: string): string => `http://${name}.example:5000/v3`) {
    this.keystones = Object.fromEntries(names.map((n) => [n, { mode: 'up', tokens: new Map<string, FakeToken>(), asked: 0 } satisfies FakeKeystone]));
    this.#sites = new Map(names.map((name) => [name, this.#site(name, authUrl(name))]));
  }

  keystone(site: string): FakeKeystone {
    const found = this.keystones[site];
    if (!found) throw new Error(`no fake site ${site}`);
    return found;
  }

  setHealth(site: string, state: SiteHealth['state']): void {
    this.#health.set(site, state);
  }

  names(): readonly string[] {
    return [...this.#sites.keys()];
  }

  get(name: string): Site {
    const site = this.#sites.get(name);
    if (site) return site;
    throw new GodwitError('GW_SITE_UNKNOWN', 'terminal', `there is no site ${name}`, { site: name, action: `Sites known here: ${this.names().join(', ')}.` });
  }

  list(): readonly Site[] {
    return [...this.#sites.values()];
  }

  async check(name: string): ReturnType<SiteRegistry['check']> {
    const up = this.keystone(name).mode === 'up';
    const bad = { service: 'identity', ok: false, code: 'GW_SITE_UNREACHABLE', message: 'connection refused', action: 'Look whether it runs.' };
    return { site: name, ok: up, at: '2026-01-02T03:04:05.000Z', checks: [up ? { service: 'identity', ok: true, version: 'v3.14', latencyMs: 12 } : bad, { service: 'compute', ok: true, latencyMs: 20 }] };
  }

  health(name: string): SiteHealth {
    return { site: name, state: this.#health.get(name) ?? 'up', since: '2026-01-02T03:04:05.000Z' };
  }

  map(_from: string, _to: string, _what: string, name: string): string {
    return name;
  }

  start(): void {}

  close(): Promise<void> {
    return Promise.resolve();
  }

  #site(name: string, authUrl: string): Site {
    const validateToken = async (token: string): Promise<FakeToken | undefined> => {
      const keystone = this.keystone(name);
      keystone.asked += 1;
      if (keystone.mode === 'silent') await new Promise(() => undefined);
      if (keystone.mode === 'dead') throw coded('OS_UNREACHABLE', 'connect ECONNREFUSED');
      if (keystone.mode === 'broken') throw coded('OS_UNAUTHORIZED', 'The request you have made requires authentication.');
      return keystone.tokens.get(token);
    };
    // Only what the server touches of a site.
    return { name, region: 'RegionOne', authUrl, admin: { identity: { validateToken } } } as unknown as Site;
  }
}

const coded = (code: string, message: string): Error => Object.assign(new Error(message), { code, kind: 'retryable' });
