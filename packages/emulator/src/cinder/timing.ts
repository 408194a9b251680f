/**
 * How long Cinder's work takes on a real site, in milliseconds: Ceph, posix backups with zstd, idle machine (docs: storage figures of
 * the lab). `perGib` for what moves data.
 */
export const timing = {
  createVolume: 350,
  fromSnapshot: 1_200,
  clone: 1_300,
  fromImage: 3_000,
  deleteVolume: 250,
  extend: 600,
  snapshot: 500,
  deleteSnapshot: 200,
  /** Ceph snapshots one volume of a group after another. */
  groupSnapshot: { base: 60, perVolume: 130 },
  deleteGroupSnapshot: { base: 120, perVolume: 120 },
  createGroup: 150,
  updateGroup: 120,
  deleteGroup: 150,
  groupFromSource: { base: 900, perVolume: 500 },
  manage: 900,
  backup: { base: 1_600, perGib: 8_800 },
  increment: { base: 1_600, perGib: 4_600 },
  restore: { base: 1_400, perGib: 7_300 },
  /** For each increment more in the chain. */
  restoreIncrement: 150,
  deleteBackup: 150,
  importRecord: 200,
  /** An answer that waits for cinder-backup's. */
  exportRecord: 250,
} as const;
