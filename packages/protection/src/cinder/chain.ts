import { orUndefined, type Backup, type BackupExport as Exported, type Cloud } from '@godwit/openstack';
import { GodwitError } from '@godwit/sites';
import { z } from 'zod';
import { stuck, type CinderDeps } from './group.ts';
import { waitFor } from './wait.ts';
import { isNotFound } from '../not-found.ts';

/** The part of a backup's export record that we rely on: base64 of JSON, made by Cinder's own Backup object. */
const recordSchema = z.looseObject({
  id: z.string(),
  parent_id: z.string().nullish(),
  volume_id: z.string().nullish(),
  status: z.string().nullish(),
  object_count: z.number().nullish(),
  service: z.string().nullish(),
  size: z.number().nullish(),
  container: z.string().nullish(),
});
export type BackupRecord = z.infer<typeof recordSchema>;

export async function exportBackup(cloud: Cloud, id: string): Promise<{ record: BackupRecord; exported: Exported }> {
  const exported = await cloud.volume.backups.exportRecord(id);
  return { record: decodeRecord(exported.backup_url), exported };
}

export function decodeRecord(url: string): BackupRecord {
  return recordSchema.parse(JSON.parse(Buffer.from(url, 'base64').toString('utf8')));
}

/**
 * The backups that one depends on, from the full one to itself. Read from the export records: an increment's parent is not always
 * the backup before it, and Cinder's API names no parent. Throws GW_CHAIN_BROKEN.
 */
export async function readChain(site: string, cloud: Cloud, id: string): Promise<{ record: BackupRecord; exported: Exported }[]> {
  const chain: { record: BackupRecord; exported: Exported }[] = [];
  const seen = new Set<string>();
  for (let next: string | null | undefined = id; next; next = chain[0]?.record.parent_id) {
    if (seen.has(next)) throw broken(site, id, `backup ${next} is its own ancestor`);
    seen.add(next);
    try {
      chain.unshift(await exportBackup(cloud, next));
    } catch (error) {
      if (isNotFound(error)) throw broken(site, id, `its ancestor ${next} is not there`);
      throw error;
    }
  }
  return chain;
}

/**
 * Brings a chain to another site's Cinder, full backup first: importing an increment without its parents succeeds and looks
 * healthy, and only its restore fails. Importing what is there already is passed over. Returns the chain's ids.
 */
export async function importChain(target: CinderDeps, chain: readonly { record: BackupRecord; exported: Exported }[]): Promise<string[]> {
  for (const { record, exported } of chain) {
    if (await orUndefined(target.cloud.volume.backups.get(record.id))) continue;
    try {
      await target.cloud.volume.backups.importRecord(exported);
    } catch (error) {
      // A second try after a lost answer: it is there now.
      if (!(await orUndefined(target.cloud.volume.backups.get(record.id)))) throw error;
    }
  }
  const ids = chain.map((c) => c.record.id);
  await Promise.all(ids.map((id) => imported(target, id)));
  return ids;
}

/** An import is accepted at once and done by cinder-backup, which looks at what the record names before the backup is available. */
async function imported(target: CinderDeps, id: string): Promise<void> {
  await waitFor(
    async () => {
      const backup = await target.cloud.volume.backups.get(id);
      if (backup.status.startsWith('error')) throw broken(target.site, id, `its import ended as ${backup.status}: ${backup.fail_reason ?? 'no reason given'}`);
      return backup.status === 'creating' ? undefined : true;
    },
    { ...target, pollMs: 300, timeoutMs: 300_000, onTimeout: () => stuck(target.site, `backup ${id}`, 'not imported after 300 s') },
  );
}

/** Proves that a chain is whole at a site: every backup there, available, each the child of the one before, the first full. */
export async function verifyChain(site: string, cloud: Cloud, chain: readonly string[]): Promise<void> {
  const tip = chain.at(-1);
  if (tip === undefined) throw broken(site, '(none)', 'the chain is empty');
  const { projectId } = await cloud.session.token();
  // Godwit's user sees every project's backups: one of another project is as unknown as one that is not there.
  const own = (b: Backup | undefined): Backup | undefined => ([undefined, null, projectId].includes(b?.['os-backup-project-attr:project_id']) ? b : undefined);
  const found = await Promise.all(chain.map(async (id) => own(await orUndefined(cloud.volume.backups.get(id)))));
  const missing = chain.filter((_, n) => found[n] === undefined);
  if (missing.length > 0) throw broken(site, tip, `${missing.length} of ${chain.length} backups are not there: ${missing.join(', ')}`);
  for (const backup of found as Backup[]) {
    // `restoring` is a sound backup in use.
    if (!['available', 'restoring'].includes(backup.status)) throw broken(site, tip, `backup ${backup.id} is ${backup.status}`);
  }
  const records = await Promise.all(chain.map(async (id) => (await exportRecordIfIdle(cloud, id)) ?? undefined));
  for (const [n, record] of records.entries()) {
    if (record && (record.parent_id ?? undefined) !== chain[n - 1]) {
      throw broken(site, tip, `backup ${record.id} depends on ${record.parent_id ?? 'none'}, not on ${chain[n - 1] ?? 'none'}`);
    }
  }
}

/** A backup that is being restored cannot be exported; its parents were proved when it was imported. */
async function exportRecordIfIdle(cloud: Cloud, id: string): Promise<BackupRecord | undefined> {
  const backup = await cloud.volume.backups.get(id);
  return backup.status === 'available' ? (await exportBackup(cloud, id)).record : undefined;
}

const broken = (site: string, backup: string, why: string): GodwitError =>
  new GodwitError('GW_CHAIN_BROKEN', 'terminal', `${site}: the chain of backup ${backup} is broken: ${why}`, {
    site,
    resource: `backup ${backup}`,
    action: 'Recover from another recovery point, or protect again: the next one begins with a full backup.',
  });
