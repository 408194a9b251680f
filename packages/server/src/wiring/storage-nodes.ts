import { type AgentHub, type Command, storage } from '@godwit/agent-hub';
import type { StorageNodes } from '@godwit/protection';

/** What protection asks of the sites' storage, by its agents. */
export function storageNodes(hub: Pick<AgentHub, 'list' | 'call'>): StorageNodes {
  const none = async <A>(node: string, command: Command<A, object>, args: A, signal: AbortSignal): Promise<void> => void (await hub.call(node, command, args, signal));
  return {
    async list() {
      return (await hub.list({ role: 'storage' })).filter((a) => a.state === 'active').map(({ name, site, connected, report }) => ({ name, site, connected, ...(report?.storage && { report: report.storage }) }));
    },
    look: (node, { pool, images }, signal) => hub.call(node, storage.look, { pool, images: [...images] }, signal),
    enable: (node, { images, ...args }, signal) => hub.call(node, storage.enable, { ...args, images: [...images] }, signal),
    mark: (node, { images, ...args }, signal) => hub.call(node, storage.mark, { ...args, images: [...images] }, signal),
    unmark: (node, { images, ...args }, signal) => none(node, storage.unmark, { ...args, images: [...images] }, signal),
    promote: (node, { images, ...args }, signal) => none(node, storage.promote, { ...args, images: [...images] }, signal),
    demote: (node, { images, ...args }, signal) => none(node, storage.demote, { ...args, images: [...images] }, signal),
    rollback: (node, { images, ...args }, signal) => none(node, storage.rollback, { ...args, images: [...images] }, signal),
    resync: (node, { images, ...args }, signal) => none(node, storage.resync, { ...args, images: [...images] }, signal),
    keep: (node, { images, ...args }, signal) => hub.call(node, storage.keep, { ...args, images: [...images] }, signal),
    rename: (node, args, signal) => none(node, storage.rename, args, signal),
    sums: (node, { images, ...args }, signal) => hub.call(node, storage.sums, { ...args, images: [...images] }, signal),
    disable: (node, { images, ...args }, signal) => none(node, storage.disable, { ...args, images: [...images] }, signal),
  };
}
