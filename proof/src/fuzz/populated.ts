import { apiOf, type Api } from '../world/api.ts';
import type { EmulatedSites } from '../world/sites.ts';
import { patiently, until } from '../world/until.ts';
import { createVnf } from '../world/vnf.ts';
import type { FuzzRequest } from './requests.ts';

interface Group {
  readonly id: string;
}

/** Words that stand in a generated request for something that there is; its id is known only when the request is sent. */
const mine = ['group', 'point', 'job', 'server', 'image'].map((what) => `id-of-my-${what}`);
/** The stranger's are put into paths only, and asked for by id only: so that a name or an id of them in an answer is never what a tenant wrote there itself (in a policy, say). */
const other = ['group', 'job', 'server'].map((what) => `id-of-their-${what}`);
const groups = ['my-group-1', 'my-group-2'];
const servers = ['my-vm-1', 'my-vm-2', 'my-vm-3'];
const theirs = { group: 'their-secret-group', server: 'their-secret-server' };

/**
 * A tenant and a stranger with servers, groups, recovery points, jobs and policies, so that requests get behind the 404s. Requests
 * delete groups, too: replant() makes them again.
 */
export class Populated {
  readonly #sites: EmulatedSites;
  readonly #tenant: Api;
  readonly #stranger: Api;
  readonly #ids = new Map<string, string>();
  readonly #foreign = new Set<string>([theirs.group, theirs.server]);

  private constructor(sites: EmulatedSites, url: () => string, tokens: Readonly<Record<string, string>>) {
    this.#sites = sites;
    this.#tenant = apiOf(url, () => Promise.resolve(tokens['tenant'] ?? ''));
    this.#stranger = apiOf(url, () => Promise.resolve(tokens['stranger'] ?? ''));
  }

  static async plant(sites: EmulatedSites, url: () => string, tokens: Readonly<Record<string, string>>): Promise<Populated> {
    const made = new Populated(sites, url, tokens);
    await Promise.all([made.#applications(), made.#servedAt('site1'), made.#servedAt('site2')]);
    await made.replant();
    await made.#policies();
    // One point at least is there when the requests begin.
    await until('there is a recovery point', async () => ((await made.#look()) ? true : undefined), 60_000);
    return made;
  }

  /** What requests draw their strings from. */
  readonly known = ['site1', 'site2', 'vnf', 'default', 'godwit-guest', 'vnf.small', 'my-policy', 'Default/vnf', ...groups, ...servers, ...mine];
  readonly byParameter = { site: ['site1', 'site2'], group: [...groups, 'id-of-my-group', 'id-of-their-group'], point: ['id-of-my-point'], job: ['id-of-my-job', 'id-of-their-job'], server: [...servers, 'id-of-my-server', 'id-of-their-server'], policy: ['my-policy'] };

  /** What nobody of another project may be shown. */
  get foreign(): string[] {
    return [...this.#foreign];
  }

  /** A request with its words replaced by what they stand for. */
  fill(one: FuzzRequest): FuzzRequest {
    const filled = (text: string, words: readonly string[]): string => words.reduce((t, word) => t.replaceAll(word, this.#ids.get(word) ?? word), text);
    return { ...one, path: filled(one.path, [...mine, ...other]), body: one.body === undefined ? undefined : filled(one.body, mine) };
  }

  /** Makes the groups that are gone, and protects them. */
  async replant(): Promise<void> {
    for (const [i, name] of groups.entries()) await this.#group(this.#tenant, name, [servers[i] ?? ''], 'my');
    await this.#group(this.#stranger, theirs.group, [theirs.server], 'their');
    await this.#look();
  }

  async #group(api: Api, name: string, members: string[], whose: 'my' | 'their'): Promise<void> {
    const made = await api.call<Group & { code?: string }>('POST', '/v1/groups', { name, site: 'site1', recoverySite: 'site2', members, policy: { freezeLimitSeconds: 30 } });
    if (made.status !== 201) return;
    this.#ids.set(`id-of-${whose}-group`, made.json.id);
    const { json } = await api.call<{ jobId?: string }>('POST', `/v1/groups/${name}/protect`);
    if (json.jobId !== undefined) this.#ids.set(`id-of-${whose}-job`, json.jobId);
    if (whose === 'their') for (const id of [made.json.id, json.jobId ?? '']) if (id !== '') this.#foreign.add(id);
  }

  /** Whether there is a point of ours. */
  async #look(): Promise<boolean> {
    for (const name of groups) {
      const { json } = await this.#tenant.call<{ recoveryPoints?: { id: string; state: string }[] }>('GET', `/v1/groups/${name}/recovery-points`);
      const point = json.recoveryPoints?.find((p) => p.state === 'Available');
      if (point) this.#ids.set('id-of-my-point', point.id);
    }
    return this.#ids.has('id-of-my-point');
  }

  async #applications(): Promise<void> {
    const [tenant, stranger] = await Promise.all([this.#sites.cloud('site1'), this.#sites.cloud('site1-stranger')]);
    const [made] = await createVnf(tenant, servers.map((name, i) => ({ name, volumes: 1, ip: `192.168.50.${61 + i}`, mac: `fa:16:3e:54:00:${61 + i}` })));
    this.#ids.set('id-of-my-server', made?.id ?? '');
    this.#ids.set('id-of-my-image', (await tenant.image.list({ name: 'godwit-guest' }))[0]?.id ?? '');
    const flavor = (await stranger.compute.flavors.list()).find((f) => f.name === 'vnf.small');
    const image = (await stranger.image.list({ name: 'godwit-guest' }))[0];
    const volume = await stranger.volume.volumes.create({ name: `${theirs.server}-root`, size: 1, imageRef: image?.id ?? '', volume_type: 'ceph' });
    await until('their volume is there', async () => ((await stranger.volume.volumes.get(volume.id)).status === 'available' ? true : undefined), 30_000);
    const server = await stranger.compute.servers.create({ server: { name: theirs.server, flavorRef: flavor?.id ?? '', networks: 'none', block_device_mapping_v2: [{ boot_index: 0, uuid: volume.id, source_type: 'volume', destination_type: 'volume' }] } });
    await until('their server is up', async () => ((await stranger.compute.servers.get(server.id)).status === 'ACTIVE' ? true : undefined), 30_000);
    this.#ids.set('id-of-their-server', server.id);
    for (const id of [server.id, volume.id]) this.#foreign.add(id);
  }

  /** Godwit serves the stranger's project too. */
  async #servedAt(site: string): Promise<void> {
    const { identity } = await this.#sites.cloud(`${site}-admin`);
    const [user, project] = await Promise.all([identity.users.find('godwit'), identity.projects.find('other')]);
    for (const name of ['admin', 'member']) {
      const role = await identity.roles.find(name);
      await identity.assignments.grant({ userId: user?.id ?? '', projectId: project?.id ?? '', roleId: role?.id ?? '' });
    }
  }

  async #policies(): Promise<void> {
    const sites = ['site1', 'site2'];
    await patiently(() => this.#tenant.ask('POST', '/v1/sync-policies', { name: 'my-policy', kinds: ['security-groups', 'server-groups'], sites, source: 'site1' }));
  }
}
