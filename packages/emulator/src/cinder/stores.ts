import type { Site } from '../core/site.ts';
import type { BackupStore } from '../storage/backup-store.ts';
import { storeOf } from './backup-service.ts';
import { cinder } from './index.ts';
import type { Service } from './state.ts';

/** The backup target of a cinder-backup. */
export const storeFor = (site: Site, service: Service): BackupStore => storeNamed(site, service.store ?? 'backups');

/** By name; the same for all sites of a world. */
export const storeNamed = (site: Site, name: string): BackupStore => storeOf((peer) => (peer === site.name ? site : site.peer(peer))?.state(cinder), site, name);
