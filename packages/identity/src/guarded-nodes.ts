import { stillOurs } from '@godwit/workflow';
import type { KeystoneNodes } from './nodes.ts';

/** A controller that lost its job to another while it hung changes nothing at a node any more. */
export function guarded(nodes: KeystoneNodes): KeystoneNodes {
  return {
    list: () => nodes.list(),
    report: (node, signal) => nodes.report(node, signal),
    readKeys: (node, kind, signal) => nodes.readKeys(node, kind, signal),
    applyKeys: async (node, order, signal) => {
      await stillOurs(signal);
      return nodes.applyKeys(node, order, signal);
    },
    migrateCredentials: async (node, signal) => {
      await stillOurs(signal);
      return nodes.migrateCredentials(node, signal);
    },
    repoint: async (node, source, signal) => {
      await stillOurs(signal);
      return nodes.repoint(node, source, signal);
    },
    seed: async (node, source, options, signal) => {
      await stillOurs(signal);
      return nodes.seed(node, source, options, signal);
    },
    hold: async (node, reason, signal) => {
      await stillOurs(signal);
      return nodes.hold(node, reason, signal);
    },
  };
}
