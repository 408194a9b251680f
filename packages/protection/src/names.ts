/**
 * Deterministic names of what we make, so that a step that is run twice finds what it made the first time (promise 5), and so
 * that an operator who meets one at a site knows whose it is.
 */
export const names = {
  groupType: 'godwit',
  cinderGroup: (groupId: string) => `godwit-${groupId}`,
  groupSnapshot: (pointId: string) => `godwit-${pointId}`,
  backup: (pointId: string, volumeId: string) => `godwit-${pointId}-${volumeId}`,
  restoredVolume: (pointId: string, epoch: number, volumeId: string) => `godwit-${pointId}-e${epoch}-${volumeId}`,
  /** At the source site, by Nova; it calls the snapshots that it makes for it `snapshot for` this. */
  serverImage: (pointId: string, serverId: string) => `godwit-image-${pointId}-${serverId}`,
  /** Of a volume whose server's image does not hold it. */
  volumeSnapshot: (pointId: string, volumeId: string) => `godwit-snapshot-${pointId}-${volumeId}`,
  /** At the recovery site. */
  rootImage: (pointId: string, serverId: string) => `godwit-root-${pointId}-${serverId}`,
  probe: (pointId: string) => `godwit-probe-${pointId}`,
} as const;

/** Metadata keys on what a recovery makes. */
export const labels = { group: 'godwit_group', point: 'godwit_point', epoch: 'godwit_epoch', origin: 'godwit_origin', replica: 'godwit_replica' } as const;
