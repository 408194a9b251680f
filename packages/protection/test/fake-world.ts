import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { OpenStackError, type Cloud, type OpenStackErrorCode } from '@godwit/openstack';
import { projectKey, type Site, type SiteRegistry } from '@godwit/sites';
import type { StepContext } from '@godwit/workflow';
import type { Deps } from '../src/deps.ts';
import type { Manifest } from '../src/manifest/schema.ts';
import type { Group, RecoveryPoint } from '../src/schemas.ts';
import { type Fence, type Store } from '../src/store/store.ts';

/** Two sites of plain objects: what a test needs to see of OpenStack, with the answers that the real services give. */

export const project = { name: 'vnf', domain: 'Default' };
export const uuid = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
export const fails = (code: OpenStackErrorCode, message: string = code): OpenStackError =>
  new OpenStackError({ code, kind: ['OS_UNREACHABLE', 'OS_UNAVAILABLE', 'OS_TIMEOUT'].includes(code) ? 'retryable' : 'terminal', message });

export interface Thing {
  id: string;
  status: string;
  [field: string]: unknown;
}

let serial = 1000;

/** One kind of resource: found, listed, deleted as its service does. */
export class Things {
  all: Thing[] = [];
  readonly #born: Partial<Thing>;

  constructor(born: Partial<Thing> = {}) {
    this.#born = born;
  }

  list = (query: Record<string, unknown> = {}): Promise<Thing[]> =>
    Promise.resolve(this.all.filter((t) => Object.entries(query).every(([k, v]) => (k === 'tag' ? ((t['tags'] as unknown[] | undefined)?.includes(v) ?? true) : k === 'project_id' || t[k] === undefined || t[k] === v))).map((t) => ({ ...t })));
  get = (id: string): Promise<Thing> => {
    const found = this.all.find((t) => t.id === id);
    return found ? Promise.resolve({ ...found }) : Promise.reject(fails('OS_NOT_FOUND'));
  };
  create = (body: Record<string, unknown>): Promise<Thing> => {
    const made = { metadata: {}, ...body, id: (body['id'] as string | undefined) ?? uuid(serial++), status: 'available', ...this.#born } as Thing;
    this.all.push(made);
    return Promise.resolve({ ...made });
  };
  update = (id: string, body: Record<string, unknown>): Promise<void> => {
    Object.assign(this.#at(id), Array.isArray(body) ? {} : body);
    return Promise.resolve();
  };
  delete = (id: string): Promise<void> => {
    this.#at(id);
    this.all = this.all.filter((t) => t.id !== id);
    return Promise.resolve();
  };

  #at(id: string): Thing {
    const found = this.all.find((t) => t.id === id);
    if (!found) throw fails('OS_NOT_FOUND');
    return found;
  }
}

export class FakeSite {
  readonly name: string;
  readonly projectId: string;
  readonly servers = new Things({ status: 'ACTIVE' });
  readonly volumes = new Things();
  readonly backups = new Things();
  readonly images = new Things({ status: 'queued' });
  readonly ports = new Things({ status: 'DOWN' });
  readonly networks = new Things();
  readonly groupSnapshots = new Things();
  readonly calls: string[] = [];
  readonly bytes = new Map<string, Buffer>();
  readonly computeServices = [{ binary: 'nova-compute', host: 'c1', state: 'up', status: 'enabled' }];
  readonly volumeServices = [{ binary: 'cinder-backup', host: 'b1', state: 'up', status: 'enabled', zone: 'nova' }, { binary: 'cinder-volume', host: 'v1@ceph', state: 'up', status: 'enabled', zone: 'nova' }];
  readonly subnets = new Things();
  readonly quotas: Record<string, { limit: number; inUse: number; reserved: number }> = {};
  /** Keystone, and so everything, is away. */
  dead = false;
  /** Backup id to its parent's. */
  readonly parents: Record<string, string | undefined> = {};
  /** Backup id to the metadata of its volume. */
  readonly backupMetadata: Record<string, Record<string, string>> = {};

  constructor(name: string) {
    this.name = name;
    this.projectId = `project-at-${name}`;
    void this.networks.create({ id: `net-${name}`, name: 'vnf-net', project_id: this.projectId });
    void this.subnets.create({ id: `subnet-${name}`, network_id: `net-${name}`, cidr: '10.0.0.0/24' });
  }

  addBackup(id: string, parent?: string, more: Record<string, unknown> = {}): void {
    this.parents[id] = parent;
    this.backups.all.push({ id, name: id, status: 'available', 'os-backup-project-attr:project_id': this.projectId, ...more });
  }

  addServer(id: string, more: Record<string, unknown> = {}): Thing {
    const server = { id, name: id, status: 'ACTIVE', metadata: {}, tenant_id: this.projectId, 'OS-EXT-SRV-ATTR:host': 'c1', flavor: { original_name: 'small', vcpus: 1, ram: 64 }, ...more } as Thing;
    this.servers.all.push(server);
    return server;
  }

  addManifest(manifest: Manifest, more: Record<string, unknown> = {}, damage = false): void {
    const id = uuid(serial++);
    const bytes = Buffer.from(JSON.stringify(manifest));
    this.bytes.set(id, damage ? bytes.subarray(1) : bytes);
    this.images.all.push({ id, name: `godwit-manifest-${manifest.point.id}`, status: 'active', owner: this.projectId, godwit_point: manifest.point.id, godwit_sha256: createHash('sha256').update(bytes).digest('hex'), ...more });
  }

  readonly #server = (id: string): Thing => {
    const server = this.servers.all.find((s) => s.id === id);
    if (!server) throw fails('OS_NOT_FOUND');
    return server;
  };

  cloud(): Cloud {
    const { volumes, backups, images } = this;
    const guarded = <T extends object>(target: T): T =>
      new Proxy(target, {
        get: (o, key) => {
          const value = (o as Record<string | symbol, unknown>)[key];
          if (typeof value === 'function') return async (...a: unknown[]) => (this.dead ? Promise.reject(fails('OS_UNREACHABLE')) : (value as (...x: unknown[]) => unknown).apply(o, a));
          return typeof value === 'object' && value !== null ? guarded(value) : value;
        },
      });
    const fake = {
      session: { token: () => Promise.resolve({ projectId: this.projectId }), warm: () => Promise.resolve() },
      identity: { ping: () => Promise.resolve({}) },
      compute: {
        servers: {
          ...this.servers,
          create: async ({ server }: { server: Record<string, unknown> }) => {
            this.calls.push(`boot ${String(server['name'])}`);
            return this.servers.create(server);
          },
          stop: (id: string) => {
            this.calls.push(`stop ${id}`);
            const server = this.#server(id);
            if (server.status !== 'ACTIVE' || server['OS-EXT-STS:task_state']) return Promise.reject(fails('OS_CONFLICT'));
            server.status = 'SHUTOFF';
            return Promise.resolve();
          },
          start: (id: string) => {
            this.calls.push(`start ${id}`);
            const server = this.#server(id);
            if (server.status !== 'SHUTOFF') return Promise.reject(fails('OS_CONFLICT'));
            server.status = 'ACTIVE';
            return Promise.resolve();
          },
          lock: (id: string, { reason }: { reason: string }) => {
            this.calls.push(`lock ${id}`);
            // As Nova: a lock over a lock is accepted, and changes nothing.
            if (this.#server(id)['locked'] !== true) Object.assign(this.#server(id), { locked: true, locked_reason: reason });
            return Promise.resolve();
          },
          unlock: (id: string) => {
            this.calls.push(`unlock ${id}`);
            Object.assign(this.#server(id), { locked: false, locked_reason: null });
            return Promise.resolve();
          },
          volumeAttachments: (id: string) => Promise.resolve(((this.#server(id)['volumes'] as unknown[] | undefined) ?? [])),
          interfaces: () => Promise.resolve([]),
        },
        flavors: { list: () => Promise.resolve([{ id: 'f1', name: 'small' }]) },
        services: { list: () => Promise.resolve(this.computeServices) },
        availabilityZones: () => Promise.resolve([]),
        quota: () => Promise.resolve(this.quotas),
      },
      volume: {
        volumes: {
          ...volumes,
          // As Cinder's restore does: what the backed up volume had replaces what the new one was given.
          create: async (body: Record<string, unknown>) => {
            const kept = this.backupMetadata[String(body['backup_id'])];
            return volumes.create({ ...body, ...(kept ? { metadata: { ...kept } } : {}) });
          },
          setMetadata: async (id: string, metadata: Record<string, string>) => {
            const volume = volumes.all.find((v) => v.id === id);
            if (volume) volume['metadata'] = { ...(volume['metadata'] as Record<string, string>), ...metadata };
          },
          setImageMetadata: () => Promise.resolve(),
          setBootable: () => Promise.resolve(),
        },
        backups: {
          ...backups,
          delete: async (id: string) => {
            const { status } = await backups.get(id);
            if (!this.volumeServices.some((s) => s.binary === 'cinder-backup' && s.state === 'up')) throw fails('OS_NOT_FOUND', 'Service cinder-backup could not be found.');
            if (status !== 'available' && !status.startsWith('error')) throw fails('OS_BAD_REQUEST', 'Backup status must be available or error');
            if (backups.all.some((b) => this.parents[b.id] === id)) throw fails('OS_BAD_REQUEST', 'Incremental backups exist for this backup.');
            this.calls.push(`delete backup ${id}`);
            return backups.delete(id);
          },
          exportRecord: async (id: string) => {
            await backups.get(id);
            return { backup_service: 'posix', backup_url: Buffer.from(JSON.stringify({ id, parent_id: this.parents[id] ?? null })).toString('base64') };
          },
          importRecord: (record: { backup_url: string }) => {
            const { id, parent_id } = JSON.parse(Buffer.from(record.backup_url, 'base64').toString()) as { id: string; parent_id?: string };
            if (backups.all.some((b) => b.id === id)) return Promise.reject(fails('OS_BAD_REQUEST', 'Backup already exists in database.'));
            this.calls.push(`import ${id}`);
            this.addBackup(id, parent_id ?? undefined, { status: 'creating' });
            setTimeout(() => backups.all.filter((b) => b.id === id).forEach((b) => (b.status = 'available')), 1);
            return Promise.resolve({ id });
          },
        },
        services: { list: ({ binary }: { binary: string }) => Promise.resolve(this.volumeServices.filter((s) => s.binary === binary)) },
        types: { list: () => Promise.resolve([{ id: 't1', name: 'ceph' }]) },
        groups: { list: () => Promise.resolve([]), get: () => Promise.reject(fails('OS_NOT_FOUND')) },
        groupSnapshots: this.groupSnapshots,
        snapshots: { list: () => Promise.resolve([]) },
        quota: () => Promise.resolve(this.quotas),
      },
      network: {
        ports: { ...this.ports, create: (body: Record<string, unknown>) => this.ports.create({ device_id: '', device_owner: '', ...body }) },
        networks: this.networks,
        subnets: this.subnets,
        securityGroups: { list: () => Promise.resolve([{ id: 'sg1', name: 'default', project_id: this.projectId }]), get: () => Promise.resolve({ name: 'default' }) },
        quota: () => Promise.resolve(this.quotas),
      },
      image: {
        ...images,
        create: (body: Record<string, unknown>) => images.create({ ...body, owner: this.projectId }),
        upload: (id: string, bytes: Buffer) => {
          this.bytes.set(id, bytes);
          images.all.filter((i) => i.id === id).forEach((i) => (i.status = 'active'));
          return Promise.resolve();
        },
        download: (id: string) => Promise.resolve({ stream: Readable.from([this.bytes.get(id) ?? Buffer.alloc(0)]) }),
      },
    };
    return guarded(fake) as unknown as Cloud;
  }
}

/** The catalogue in memory; behaves as the one in PostgreSQL. */
export class MemoryStore {
  readonly groupsById = new Map<string, Group>();
  readonly pointsById = new Map<string, RecoveryPoint>();
  readonly fenceRows: (Fence & { done?: boolean })[] = [];

  insertGroup = (g: Group): Promise<boolean> => {
    if ([...this.groupsById.values()].some((o) => o.id === g.id || (o.name === g.name && projectKey(o.project) === projectKey(g.project)))) return Promise.resolve(false);
    this.groupsById.set(g.id, g);
    return Promise.resolve(true);
  };
  group = (id: string): Promise<Group | undefined> => Promise.resolve(this.groupsById.get(id));
  groupsNamed = (name: string, key?: string): Promise<Group[]> => Promise.resolve([...this.groupsById.values()].filter((g) => g.name === name && (key === undefined || projectKey(g.project) === key)));
  updateGroup = (id: string, epoch: number, change: (g: Group) => Group): Promise<Group | undefined> => {
    const group = this.groupsById.get(id);
    if (group?.epoch !== epoch) return Promise.resolve(undefined);
    const next = change(group);
    this.groupsById.set(id, next);
    return Promise.resolve(next);
  };
  putPoint = (p: RecoveryPoint): Promise<void> => {
    this.pointsById.set(p.id, p);
    return Promise.resolve();
  };
  point = (id: string): Promise<RecoveryPoint | undefined> => Promise.resolve(this.pointsById.get(id));
  points = (groupId: string): Promise<RecoveryPoint[]> => Promise.resolve([...this.pointsById.values()].filter((p) => p.groupId === groupId).sort((a, b) => a.sequence - b.sequence));
  deletePoint = (id: string): Promise<void> => {
    this.pointsById.delete(id);
    return Promise.resolve();
  };
  putFence = (f: Fence): Promise<void> => {
    if (!this.fenceRows.some((o) => o.groupId === f.groupId && o.epoch === f.epoch && o.site === f.site)) this.fenceRows.push(f);
    return Promise.resolve();
  };
  fences = (): Promise<Fence[]> => Promise.resolve(this.fenceRows.filter((f) => f.done !== true));
  fenced = (f: Pick<Fence, 'groupId' | 'epoch' | 'site'>): Promise<void> => {
    for (const row of this.fenceRows) if (row.groupId === f.groupId && row.epoch === f.epoch && row.site === f.site) row.done = true;
    return Promise.resolve();
  };
}

export interface World {
  readonly site1: FakeSite;
  readonly site2: FakeSite;
  readonly store: MemoryStore;
  readonly deps: Deps;
  readonly step: StepContext;
}

export function world(): World {
  const [site1, site2, store] = [new FakeSite('site1'), new FakeSite('site2'), new MemoryStore()];
  const made = new Map([site1, site2].map((s) => {
    const cloud = s.cloud();
    return [s.name, { name: s.name, admin: cloud, asProject: () => cloud, compute: { armed: () => Promise.resolve(undefined), unquiesce: () => ({ result: Promise.resolve(null) }) } } as unknown as Site];
  }));
  const get = (name: string): Site => {
    const site = made.get(name);
    if (!site) throw new Error(`no site ${name}`);
    return site;
  };
  const sites = { names: () => [...made.keys()], get, list: () => [...made.values()], map: (_f: string, _t: string, _w: string, name: string) => name, health: (name: string) => ({ site: get(name).name, state: 'up' }) } as unknown as SiteRegistry;
  const clock = { now: () => new Date('2026-01-02T03:04:05Z'), sleep: () => new Promise<void>((done) => setTimeout(done, 1)) };
  return {
    site1, site2, store,
    deps: { sites, store: store as unknown as Store, clock, log: () => undefined },
    step: { jobId: 'j', attempt: 1, signal: new AbortController().signal, progress: () => undefined, log: () => undefined },
  };
}

export const at0 = '2026-01-02T00:00:00.000Z';

export function aGroup(more: Partial<Group> = {}): Group {
  return {
    id: uuid(1), name: 'vnf', project, site: 'site1', recoverySite: 'site2', activeSite: 'site1', epoch: 1, state: 'Protected',
    members: [{ serverId: 's-db', name: 'db', order: 0 }, { serverId: 's-app', name: 'app', order: 1 }],
    policy: { method: 'group-snapshot', freezeLimitSeconds: 30, retain: 2, fullEvery: 14 },
    conditions: [], createdAt: at0, updatedAt: at0, ...more,
  };
}

export function aPoint(sequence: number, chain: readonly string[], more: Partial<RecoveryPoint> = {}): RecoveryPoint {
  return {
    id: uuid(100 + sequence), groupId: uuid(1), groupName: 'vnf', epoch: 1, sequence, state: 'Available', consistency: 'application', sourceSite: 'site1', recoverySite: 'site2',
    incremental: chain.length > 1, createdAt: at0, frozenAt: at0,
    volumes: [{ volumeId: 'v1', name: 'root', sizeGiB: 1, device: '/dev/vda', backupId: chain.at(-1) ?? '', incremental: chain.length > 1, chain: [...chain] }],
    ...more,
  };
}

export function aManifest(point: RecoveryPoint, group: Group = aGroup()): Manifest {
  const { id, name, project: p, site, recoverySite, epoch, members, policy, createdAt } = group;
  return {
    schema: 'godwit.recovery-point', version: 1,
    group: { id, name, project: p, site, recoverySite, epoch, members, policy, createdAt },
    point: { id: point.id, sequence: point.sequence, createdAt: at0, frozenAt: at0, consistency: 'application', incremental: point.incremental, freezeWindowMs: 1, groupSnapshotMs: 1, sourceSite: point.sourceSite, recoverySite: point.recoverySite, volumes: point.volumes },
    servers: [
      {
        id: 's-db', name: 'db', order: 0, host: 'c1', status: 'ACTIVE', imageBooted: false, flavor: { name: 'small', vcpus: 1, ramMiB: 64, ephemeralGiB: 0, swapMiB: 0 }, configDrive: false, metadata: {}, tags: [],
        ports: [{ id: 'p1', name: 'p', mac: 'fa:16:3e:00:00:01', network: 'vnf-net', addresses: [{ ip: '10.0.0.5', cidr: '10.0.0.0/24' }], securityGroups: ['default'], portSecurity: true, allowedAddressPairs: [] }],
        volumes: [{ id: 'v1', name: 'root', sizeGiB: 1, type: 'ceph', device: '/dev/vda', bootIndex: 0, deleteOnTermination: false, imageMetadata: { hw_qemu_guest_agent: 'yes' }, metadata: {} }],
      },
    ],
  };
}
