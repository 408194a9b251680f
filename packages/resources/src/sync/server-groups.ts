import { projectIdAt, projectKey } from '@godwit/sites';
import { chosen, each, markTwins, type Driver, type Item } from './types.ts';

/** Their members are servers, which a site has for itself: only the group and its policy are alike. */
export const serverGroups: Driver = {
  kind: 'server-groups',
  async list({ site, projects, selection }) {
    const lists = await Promise.all(
      projects.map(async (project) => {
        // A project that Godwit may not act for is said to be that, not a wrong password.
        await projectIdAt(site, project);
        return (await site.asProject(project).compute.serverGroups.list())
          .filter((g) => chosen(selection, 'server-groups', g.name))
          .map((g): Item => ({ kind: 'server-groups', key: `server-groups ${projectKey(project)} ${g.name}`, owner: project, name: g.name, id: g.id, spec: { policy: g.policy, rules: g.rules } }));
      }),
    );
    return markTwins(lists.flat());
  },
  immutable: () => 'a server group of that name has another policy, which Nova changes of none: delete or rename it there',
  apply: (scope, actions, done) =>
    each(actions, done, async ({ action, wanted, present }) => {
      const owner = (wanted ?? present)?.owner;
      if (!owner) return;
      const { serverGroups: api } = scope.site.asProject(owner).compute;
      if (action === 'delete') {
        if (present) await api.delete(present.id);
        return;
      }
      if (!wanted || (await api.list()).some((g) => g.name === wanted.name)) return;
      const rules = wanted.spec['rules'] as Record<string, number>;
      await api.create({ name: wanted.name, policy: String(wanted.spec['policy']), ...(Object.keys(rules).length > 0 ? { rules } : {}) });
    }),
};
