import { z } from 'zod';

const name = z.string().regex(/^[a-z][a-z0-9-]{0,20}$/, 'a name: lower-case letters, digits and dashes, beginning with a letter');
const ipv4 = z.ipv4();
const cidr = z.cidrv4();

const role = z.strictObject({ role: z.enum(['admin', 'member', 'reader', 'service']), project: name });

const flavor = z.strictObject({
  name: z.string().min(1),
  vcpus: z.int().positive(),
  ramMiB: z.int().positive(),
  diskGiB: z.int().nonnegative(),
});

const network = z.strictObject({
  name: z.string().min(1),
  project: name,
  subnet: z.strictObject({ name: z.string().min(1), cidr, gateway: ipv4, pool: z.tuple([ipv4, ipv4]) }),
});

const image = z.strictObject({
  name: z.string().min(1),
  /** `guest` is the image that lab/src/guest builds; anything else is a path of a raw image. */
  source: z.string().min(1),
  properties: z.record(z.string(), z.string()).default({}),
});

export const componentNames = [
  'mariadb', 'rabbitmq', 'memcached', 'keystone', 'glance', 'placement', 'nova', 'neutron', 'openvswitch', 'ceph', 'cinder', 'libvirt', 'swift', 'swift-backup', 'glance-shared',
  // of a star
  'galera', 'garbd', 'star-catalogue', 'replica-1', 'replica-2', 'keystone-1', 'keystone-2', 'haproxy', 'agent-1', 'agent-2', 'nova-api', 'cinder-api',
] as const;
export type ComponentName = (typeof componentNames)[number];

/** Services that only ever run on demand, and do all of their own when they are started: a site's first initialization does not know them. */
export const laterComponentNames = ['rbd-mirror', 'storage-agent'] as const;
export type LaterComponentName = (typeof laterComponentNames)[number];
export type AnyComponentName = ComponentName | LaterComponentName;

const site = z.strictObject({
  /** Third byte of the site's addresses. */
  index: z.int().min(1).max(250),
  /** Host name of the site's compute node. */
  hypervisor: name,
  components: z.array(z.enum(componentNames)).optional(),
  /** Further components, whose services run only after somebody started them. */
  onDemand: z.array(z.enum([...componentNames, ...laterComponentNames])).default([]),
});

const star = z.strictObject({
  /** Sites with a member of the Galera cluster. The first begins the cluster; replicas N of every site follow the Nth. */
  masters: z.array(name).length(2),
  /** Sites that are not in it yet: their databases are empty and their Keystones have no keys. */
  joining: z.array(name).default([]),
  tokens: z.strictObject({ expirationSeconds: z.int().positive(), allowExpiredWindowSeconds: z.int().nonnegative() }),
  rotation: z.strictObject({ periodSeconds: z.int().positive(), maxActiveKeys: z.int().min(3) }),
});

export const topologySchema = z
  .strictObject({
    name,
    wan: z.strictObject({ management: cidr, underlay: cidr, ops: ipv4 }),
    sites: z.record(name, site).refine((sites) => Object.keys(sites).length > 0, 'at least one site'),
    components: z.array(z.enum(componentNames)).default([]),
    /** One Keystone catalogue over all sites: a master cluster, and read-only replicas elsewhere. */
    star: star.optional(),
    ceph: z.strictObject({ osdSizeGiB: z.int().min(4).max(1000) }).prefault({ osdSizeGiB: 4 }),
    cinder: z.strictObject({
      volumeTypes: z.array(z.strictObject({ name: z.string().min(1), backend: z.literal('ceph') })).default([]),
      backup: z.strictObject({ driver: z.literal('posix'), compression: z.enum(['zstd', 'zlib', 'none']) }).prefault({ driver: 'posix', compression: 'zstd' }),
      /** What the component swift-backup is: whose Swift it writes to, and the availability zone that it is asked for by. */
      swiftBackup: z.strictObject({ site: name, zone: name, compression: z.enum(['zstd', 'zlib', 'none']) }).optional(),
    }).prefault({}),
    /** What the component glance-shared is: a region of whose Keystone. */
    glanceShared: z.strictObject({ keystoneOf: name }).optional(),
    /** Two sites whose Ceph pools of volumes mirror each other, once rbd-mirror runs there. */
    mirroring: z.tuple([name, name]).optional(),
    projects: z.record(name, z.strictObject({ quotas: z.record(z.string(), z.int()).default({}) })),
    users: z.record(name, z.strictObject({ roles: z.array(role) })),
    flavors: z.array(flavor).default([]),
    networks: z.array(network).default([]),
    images: z.array(image).default([]),
    clouds: z.array(z.strictObject({ suffix: z.union([z.literal(''), name]), user: name, project: name })),
  })
  .superRefine((topology, context) => {
    const issue = (path: (string | number)[], message: string): void => {
      context.addIssue({ code: 'custom', path, message });
    };
    const indexes = new Map<number, string>();
    for (const [siteName, { index }] of Object.entries(topology.sites)) {
      const other = indexes.get(index);
      if (other !== undefined) issue(['sites', siteName, 'index'], `${String(index)} is already the index of ${other}`);
      indexes.set(index, siteName);
      if (siteName === 'ops' || siteName === 'wan') issue(['sites', siteName], `${siteName} is a name of the lab itself`);
    }
    const has = (siteName: string, component: AnyComponentName): boolean => {
      const found = topology.sites[siteName];
      return found !== undefined && [...(found.components ?? topology.components), ...found.onDemand].some((c) => c === component);
    };
    for (const [siteName, { onDemand, components = topology.components }] of Object.entries(topology.sites)) {
      onDemand.forEach((c, i) => {
        if (components.some((k) => k === c)) issue(['sites', siteName, 'onDemand', i], `${c} is already one of the components that always run`);
      });
      if (has(siteName, 'swift-backup') && !topology.cinder.swiftBackup) issue(['cinder', 'swiftBackup'], `${siteName} has the component swift-backup, which needs this`);
    }
    topology.mirroring?.forEach((s, i) => {
      if (!has(s, 'rbd-mirror')) issue(['mirroring', i], `${s} is not a site that has the component rbd-mirror`);
    });
    const swiftSite = topology.cinder.swiftBackup?.site;
    if (swiftSite !== undefined && !has(swiftSite, 'swift')) issue(['cinder', 'swiftBackup', 'site'], `${swiftSite} is not a site that has the component swift`);
    for (const [key, component] of [['masters', 'galera'], ['joining', 'replica-1']] as const)
      topology.star?.[key].forEach((s, i) => {
        if (!has(s, component)) issue(['star', key, i], `${s} is not a site that has the component ${component}`);
      });
    const projects = new Set([...Object.keys(topology.projects), 'admin', 'service']);
    const users = new Set([...Object.keys(topology.users), 'admin']);
    for (const [user, { roles }] of Object.entries(topology.users))
      roles.forEach((r, i) => {
        if (!projects.has(r.project)) issue(['users', user, 'roles', i, 'project'], `there is no project ${r.project}`);
      });
    topology.networks.forEach((n, i) => {
      if (!projects.has(n.project)) issue(['networks', i, 'project'], `there is no project ${n.project}`);
    });
    topology.clouds.forEach((c, i) => {
      if (!users.has(c.user)) issue(['clouds', i, 'user'], `there is no user ${c.user}`);
      if (!projects.has(c.project)) issue(['clouds', i, 'project'], `there is no project ${c.project}`);
    });
  });

export type Topology = z.infer<typeof topologySchema>;
