import { GodwitError } from '@godwit/sites';
import type { StorageNodes } from './storage-nodes.ts';
import type { Held, Place, ReplicationDriver } from './types.ts';

const ours = ({ place, group, images }: Held) => ({ pool: place.pool, group, images: [...images] });

/** Ceph's RBD mirroring, by the `storage` agents of the sites. */
export function cephRbd(nodes: StorageNodes): ReplicationDriver {
  return {
    name: 'ceph-rbd',
    async places(site) {
      const here = (await nodes.list()).filter((n) => n.site === site);
      const [node] = here.filter((n) => n.connected && n.report !== undefined);
      if (!node) {
        throw new GodwitError('GW_REPLICATION_NO_AGENT', 'waiting', here.length === 0 ? `${site}: no storage agent is enrolled` : `${site}: storage agent ${here[0]?.name ?? ''} is away`, {
          site,
          resource: 'storage agent',
          action: here.length === 0 ? 'Enrol one at a node that reaches the site’s Ceph: docs/operators/agent.md.' : 'Look at its node and at the network to it; it comes back by itself.',
        });
      }
      const { cluster = '', pools = [] } = node.report ?? {};
      return pools.map((p): Place => ({ site, node: node.name, pool: p.name, cluster, mirrored: p.mode === 'image', peers: p.peers }));
    },
    enable: (held, mode, signal) => nodes.enable(held.place.node, { ...ours(held), mode }, signal),
    reference: (source, target, { image, mirror }) => ({
      driver: 'ceph-rbd', mode: mirror?.mode === 'journal' ? 'journal' : 'snapshot', pool: target.pool, image, globalId: mirror?.globalId ?? '', cluster: target.cluster, peer: source.cluster,
    }),
    mark: (held, point, signal) => nodes.mark(held.place.node, { ...ours(held), point }, signal),
    unmark: (held, point, signal) => nodes.unmark(held.place.node, { ...ours(held), point }, signal),
    // A mark is a snapshot: in journal mode it is replayed after all that was written before it. In snapshot mode it may be here before its data.
    holds: (copy, point, ships) => copy.marks.some((m) => m.point === point) && (copy.mirror?.mode === 'journal' || copy.mirror?.primary === true || (ships !== undefined && (copy.complete ?? -1) >= ships)),
    status: (place, images, signal) => nodes.look(place.node, { pool: place.pool, images: [...images] }, signal),
    promote: (held, { force }, signal) => nodes.promote(held.place.node, { ...ours(held), force }, signal),
    demote: (held, signal) => nodes.demote(held.place.node, ours(held), signal),
    rollback: (held, point, signal) => nodes.rollback(held.place.node, { ...ours(held), point }, signal),
    resync: (held, signal) => nodes.resync(held.place.node, ours(held), signal),
    keep: (held, label, signal) => nodes.keep(held.place.node, { ...ours(held), label }, signal),
    rename: ({ place, group }, from, to, signal) => nodes.rename(place.node, { pool: place.pool, group, from, to }, signal),
    sums: async (held, point, signal) => new Map((await nodes.sums(held.place.node, { ...ours(held), point }, signal)).map((s) => [s.image, s.sha256])),
    disable: (held, signal) => nodes.disable(held.place.node, ours(held), signal),
  };
}
