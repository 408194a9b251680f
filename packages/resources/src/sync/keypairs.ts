import { GodwitError, projectKey } from '@godwit/sites';
import { isOpenStackError, type Keypair } from '@godwit/openstack';
import { chosen, each, type Driver, type Item } from './types.ts';

/** The comment at the end of a key is no part of it. */
const keyOf = (pair: Pick<Keypair, 'public_key'>): string => pair.public_key.trim().split(/\s+/).slice(0, 2).join(' ');

export const keypairs: Driver = {
  kind: 'keypairs',
  async list({ site, names, users, selection, measure }) {
    const lists = await Promise.all(
      users.map(async (user) => {
        const user_id = await names.userId(user);
        // Not the same as having none: elsewhere, the user's keys would be taken for deleted here.
        if (user_id === undefined && measure === true) throw new GodwitError('GW_RESOURCE_GONE', 'terminal', `${site.name}: there is no user ${projectKey(user)}`, { site: site.name, resource: `user ${projectKey(user)}`, action: 'Make the user there, or take it out of the policy.' });
        if (user_id === undefined) return [];
        const pairs = await site.admin.compute.keypairs.list({ user_id });
        return pairs.filter((p) => chosen(selection, 'keypairs', p.name)).map((p): Item => ({
          kind: 'keypairs', key: `keypairs ${projectKey(user)} ${p.name}`, owner: user, name: p.name, id: p.name,
          spec: { type: p.type, publicKey: p.type === 'ssh' ? keyOf(p) : p.public_key.trim() },
        }));
      }),
    );
    return lists.flat();
  },
  immutable: () => 'the user has another key of that name there; a key is never overwritten: delete or rename one of the two',
  async impossible({ site, names }, { owner }) {
    return owner && (await names.userId(owner)) === undefined ? `there is no user ${projectKey(owner)} at ${site.name}` : undefined;
  },
  apply: (scope, actions, done) =>
    each(actions, done, async ({ action, wanted, present }) => {
      const owner = (wanted ?? present)?.owner;
      const user_id = owner && (await scope.names.userId(owner));
      if (!owner || user_id === undefined) throw new Error(`there is no user ${owner ? projectKey(owner) : ''} at ${scope.site.name}`);
      const { keypairs: api } = scope.site.admin.compute;
      if (action === 'delete') {
        if (present) await api.delete(present.name, { user_id });
        return;
      }
      if (!wanted) return;
      await api.create({ name: wanted.name, public_key: String(wanted.spec['publicKey']), type: wanted.spec['type'] === 'x509' ? 'x509' : 'ssh', user_id }).catch((error: unknown) => {
        // Made by an earlier life of this step, or by the user meanwhile: the next look tells which.
        if (!isOpenStackError(error, 'OS_CONFLICT')) throw error;
      });
    }),
};
