import { z } from 'zod';

const name = z.string().regex(/^[a-z][a-z0-9-]{0,20}$/, 'a name: lower-case letters, digits and dashes, beginning with a letter');
const ipv4 = z.ipv4();

/**
 * The lab's topology files, as far as an emulated site follows them. How the lab builds its machines (addresses, Ceph, components) is
 * read over, not refused: the files are the lab's, and its own schema judges those parts.
 */
export const topologySchema = z
  .object({
    name,
    sites: z.record(name, z.object({ index: z.int().min(1), hypervisor: name, components: z.array(z.string()).optional(), onDemand: z.array(z.string()).default([]) })).refine((sites) => Object.keys(sites).length > 0, 'at least one site'),
    components: z.array(z.string()).default([]),
    cinder: z.object({
      volumeTypes: z.array(z.object({ name: z.string().min(1), backend: z.string() })),
      backup: z.object({ driver: z.string(), compression: z.string().default('none') }),
      swiftBackup: z.object({ site: name, zone: name }).optional(),
    }),
    projects: z.record(name, z.strictObject({ quotas: z.record(z.string(), z.int()).default({}) })),
    users: z.record(name, z.strictObject({ roles: z.array(z.strictObject({ role: z.enum(['admin', 'member', 'reader', 'service']), project: name })) })),
    flavors: z.array(z.strictObject({ name: z.string().min(1), vcpus: z.int().positive(), ramMiB: z.int().positive(), diskGiB: z.int().nonnegative() })).default([]),
    networks: z
      .array(z.strictObject({ name: z.string().min(1), project: name, subnet: z.strictObject({ name: z.string().min(1), cidr: z.cidrv4(), gateway: ipv4, pool: z.tuple([ipv4, ipv4]) }) }))
      .default([]),
    images: z.array(z.strictObject({ name: z.string().min(1), source: z.string().min(1), properties: z.record(z.string(), z.string()).default({}) })).default([]),
    clouds: z.array(z.strictObject({ suffix: z.union([z.literal(''), name]), user: name, project: name })),
  })
  .superRefine((topology, context) => {
    const issue = (path: (string | number)[], message: string): void => {
      context.addIssue({ code: 'custom', path, message });
    };
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

/** One line of `sites`, with its name. */
export interface SiteSpec {
  readonly name: string;
  readonly index: number;
  /** Host name of its (first) compute node. */
  readonly hypervisor: string;
  readonly components: readonly string[];
  readonly onDemand: readonly string[];
}

export const siteSpecs = (topology: Topology): SiteSpec[] =>
  Object.entries(topology.sites).map(([siteName, site]) => ({ name: siteName, index: site.index, hypervisor: site.hypervisor, components: site.components ?? topology.components, onDemand: site.onDemand }));
