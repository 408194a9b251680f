import type { Site } from '../core/site.ts';
import { createBackupStore, type BackupStore } from '../storage/backup-store.ts';
import { cinder } from './index.ts';
import type { Service } from './state.ts';

/** The backup target that a cinder-backup mounts. */
export const storeFor = (site: Site, service: Service): BackupStore => storeNamed(site, service.store ?? 'backups');

/** By name; one for all sites of a world. It outlives each of them, and lies in the state of the first, with which it is saved. */
export function storeNamed(site: Site, name: string): BackupStore {
  const first = Object.keys(site.topology.sites)[0] ?? site.name;
  const { stores } = (site.peer(first) ?? site).state(cinder);
  let store = stores.get(name);
  if (!store) stores.set(name, (store = createBackupStore()));
  return store;
}
