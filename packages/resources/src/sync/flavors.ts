import { projectKey, projectOf } from '@godwit/sites';
import { isOpenStackError, type Flavor } from '@godwit/openstack';
import { chosen, each, type Driver, type Item, type Scope, type Spec } from './types.ts';

/** What Nova lets nobody change: servers were made by it. */
const FIXED = ['vcpus', 'ram', 'disk', 'ephemeral', 'swap', 'rxtx', 'public'] as const;

async function specOf({ site, names }: Scope, flavor: Flavor): Promise<Spec> {
  const isPublic = flavor['os-flavor-access:is_public'] ?? true;
  const access = isPublic ? [] : await site.admin.compute.flavors.access(flavor.id);
  const projects = await Promise.all(access.map((id) => names.project(id)));
  const specs = flavor.extra_specs ?? (await site.admin.compute.flavors.extraSpecs(flavor.id));
  return {
    vcpus: flavor.vcpus, ram: flavor.ram, disk: flavor.disk, ephemeral: flavor['OS-FLV-EXT-DATA:ephemeral'], swap: flavor.swap, rxtx: flavor.rxtx_factor ?? 1, public: isPublic,
    description: flavor.description ?? '',
    extraSpecs: Object.fromEntries(Object.entries(specs).toSorted(([a], [b]) => (a < b ? -1 : 1))),
    // A project that was deleted is in nobody's list.
    access: projects.flatMap((p) => (p ? [projectKey(p)] : [])).toSorted(),
  };
}

/**
 * A project that a site does not have needs no access there, and cannot be given any: the site counts as if it had what the source gives (by
 * agreement: any other site), or it would differ for ever.
 */
async function levelAccess(items: ReadonlyMap<string, readonly Item[]>, scopes: ReadonlyMap<string, Scope>, source: string): Promise<ReadonlyMap<string, readonly Item[]>> {
  const givers = source === 'agreement' ? [...items.values()].flat() : (items.get(source) ?? []);
  const given = new Map<string, Set<string>>();
  for (const { key, spec } of givers) given.set(key, new Set([...(given.get(key) ?? []), ...(spec['access'] as string[])]));
  const level = async (site: string, item: Item): Promise<Item> => {
    const scope = scopes.get(site);
    const access = item.spec['access'] as string[];
    const more: string[] = [];
    for (const project of given.get(item.key) ?? []) if (!access.includes(project) && scope && (await scope.names.projectId(projectOf(project))) === undefined) more.push(project);
    return more.length === 0 ? item : { ...item, spec: { ...item.spec, access: [...access, ...more].toSorted() } };
  };
  return new Map(await Promise.all([...items].map(async ([site, list]) => [site, site === source ? list : await Promise.all(list.map((i) => level(site, i)))] as const)));
}

export const flavors: Driver = {
  kind: 'flavors',
  async list(scope) {
    // `None`: also those that are not public.
    const found = (await scope.site.admin.compute.flavors.list({ is_public: 'None' })).filter((f) => chosen(scope.selection, 'flavors', f.name));
    const items: Item[] = [];
    // Those that are not public cost a request each: not all at once.
    for (let n = 0; n < found.length; n += 8) {
      items.push(...(await Promise.all(found.slice(n, n + 8).map(async (f): Promise<Item> => ({ kind: 'flavors', key: `flavors ${f.name}`, owner: undefined, name: f.name, id: f.id, spec: await specOf(scope, f) })))));
    }
    return items;
  },
  immutable(present, wanted) {
    const differ = FIXED.filter((f) => present[f] !== wanted[f]);
    return differ.length === 0 ? undefined : `a flavor of that name has another ${differ.map((f) => `${f} (${String(present[f])}, not ${String(wanted[f])})`).join(', ')}; Nova changes these of no flavor: delete or rename it there`;
  },
  level: levelAccess,
  apply: (scope, actions, done) =>
    each(actions, done, async ({ action, wanted, present }) => {
      const { flavors: api } = scope.site.admin.compute;
      if (action === 'delete') {
        if (present) await api.delete(present.id);
        return;
      }
      if (!wanted) return;
      const { spec } = wanted;
      let there = (await api.list({ is_public: 'None' })).find((f) => f.name === wanted.name);
      there ??= await api.create({
        name: wanted.name, vcpus: Number(spec['vcpus']), ram: Number(spec['ram']), disk: Number(spec['disk']), swap: Number(spec['swap']), rxtx_factor: Number(spec['rxtx']),
        'OS-FLV-EXT-DATA:ephemeral': Number(spec['ephemeral']), 'os-flavor-access:is_public': spec['public'] === true,
        ...(spec['description'] === '' ? {} : { description: String(spec['description']) }),
      });
      const now = await specOf(scope, there);
      if (now['description'] !== spec['description']) await api.describe(there.id, spec['description'] === '' ? null : String(spec['description']));
      const have = now['extraSpecs'] as Record<string, string>;
      const want = spec['extraSpecs'] as Record<string, string>;
      if (JSON.stringify(have) !== JSON.stringify(want)) {
        if (Object.keys(want).length > 0) await api.setExtraSpecs(there.id, want);
        for (const key of Object.keys(have)) if (!(key in want)) await api.deleteExtraSpec(there.id, key);
      }
      await setAccess(scope, there.id, now['access'] as string[], spec['access'] as string[]);
    }),
};

async function setAccess({ site, names }: Scope, id: string, have: readonly string[], want: readonly string[]): Promise<void> {
  for (const key of want.filter((w) => !have.includes(w))) {
    const project = await names.projectId(projectOf(key));
    // A project that this site does not have needs no access here.
    if (project === undefined) continue;
    await site.admin.compute.flavors.addAccess(id, project).catch((error: unknown) => {
      if (!isOpenStackError(error, 'OS_CONFLICT')) throw error;
    });
  }
  for (const key of have.filter((h) => !want.includes(h))) {
    const project = await names.projectId(projectOf(key));
    if (project !== undefined) await site.admin.compute.flavors.removeAccess(id, project);
  }
}
