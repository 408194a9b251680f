import { projectIdAt, projectKey } from '@godwit/sites';
import { isOpenStackError } from '@godwit/openstack';
import { chosen, each, markTwins, type Driver, type Item } from './types.ts';

export const addressGroups: Driver = {
  kind: 'address-groups',
  async list({ site, projects, selection, measure }) {
    const lists = await Promise.all(
      projects.map(async (project) => {
        const projectId = await projectIdAt(site, project);
        const groups = await site.asProject(project).network.addressGroups.list({ project_id: projectId }).catch((error: unknown) => {
          // An extension that an old Neutron lacks: there are none. But at the source they would seem to be deleted.
          if (isOpenStackError(error, 'OS_NOT_FOUND') && measure !== true) return [];
          throw error;
        });
        return groups.filter((g) => chosen(selection, 'address-groups', g.name)).map((g): Item => ({
          kind: 'address-groups', key: `address-groups ${projectKey(project)} ${g.name}`, owner: project, name: g.name, id: g.id, spec: { description: g.description ?? '', addresses: g.addresses.toSorted() },
        }));
      }),
    );
    return markTwins(lists.flat());
  },
  immutable: () => undefined,
  apply: (scope, actions, done) =>
    each(actions, done, async ({ action, wanted, present }) => {
      const owner = (wanted ?? present)?.owner;
      if (!owner) return;
      const { network } = scope.site.asProject(owner);
      if (action === 'delete') {
        if (present) await network.addressGroups.delete(present.id);
        return;
      }
      if (!wanted) return;
      const [there] = await network.addressGroups.list({ name: wanted.name, project_id: await projectIdAt(scope.site, owner) });
      const addresses = wanted.spec['addresses'] as string[];
      if (!there) {
        await network.addressGroups.create({ name: wanted.name, description: wanted.spec['description'], addresses });
        return;
      }
      if ((there.description ?? '') !== wanted.spec['description']) await network.addressGroups.update(there.id, { description: wanted.spec['description'] });
      const more = addresses.filter((a) => !there.addresses.includes(a));
      const less = there.addresses.filter((a) => !addresses.includes(a));
      if (more.length > 0) await network.addressGroups.addAddresses(there.id, more);
      if (less.length > 0) await network.addressGroups.removeAddresses(there.id, less);
    }),
};
