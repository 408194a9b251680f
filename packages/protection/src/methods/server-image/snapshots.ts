import type { Image, Snapshot } from '@godwit/openstack';
import { GodwitError } from '@godwit/sites';
import { z } from 'zod';
import { removeVolumeSnapshot } from '../../cinder/delete-snapshots.ts';
import { stuck, type CinderDeps } from '../../cinder/group.ts';
import { waitFor } from '../../cinder/wait.ts';
import type { ServerRecord, VolumeRecord } from '../../inventory/types.ts';
import { names } from '../../names.ts';

/** What Nova writes into the image of a server on volumes, as JSON in a property. */
const mappingSchema = z.array(z.looseObject({ source_type: z.string().nullish(), snapshot_id: z.string().nullish() }));

/** The snapshots that an image of a server on volumes consists of, by volume id, when all of them are made. */
export async function snapshotsOf(deps: CinderDeps, server: ServerRecord, image: Image): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const id of snapshotIds(deps.site, server, image)) {
    const snapshot = await ready(deps, id, 100);
    found[snapshot.volume_id] = id;
  }
  const missing = server.volumes.filter((v) => found[v.id] === undefined);
  if (missing.length > 0) throw incomplete(deps.site, server, `volume ${missing[0]?.name || (missing[0]?.id ?? '')} has no snapshot in it`);
  return found;
}

function snapshotIds(site: string, server: ServerRecord, image: Image): string[] {
  const raw = image['block_device_mapping'];
  let mapping: z.infer<typeof mappingSchema>;
  try {
    mapping = mappingSchema.parse(typeof raw === 'string' ? JSON.parse(raw) : raw);
  } catch {
    throw incomplete(site, server, 'its block_device_mapping cannot be read');
  }
  return mapping.flatMap((m) => (m.source_type === 'snapshot' && m.snapshot_id ? [m.snapshot_id] : []));
}

/** A snapshot of a volume that its server's image does not hold. Run twice, it is found by its name. */
export async function snapshotVolume(deps: CinderDeps, pointId: string, volume: VolumeRecord): Promise<string> {
  const { snapshots } = deps.cloud.volume;
  const name = names.volumeSnapshot(pointId, volume.id);
  const known = (await snapshots.list({ name })).filter((s) => s.name === name);
  for (const bad of known.filter((s) => s.status.startsWith('error'))) await removeVolumeSnapshot(deps, bad.id);
  const found = known.find((s) => ['creating', 'available', 'backing-up'].includes(s.status));
  const { id } = found ?? (await snapshots.create({ volume_id: volume.id, name, description: 'Godwit recovery point', force: true }));
  await ready(deps, id, 300);
  return id;
}

async function ready(deps: CinderDeps, id: string, pollMs: number): Promise<Snapshot> {
  return waitFor(
    async () => {
      const now = await deps.cloud.volume.snapshots.get(id, { signal: deps.signal });
      if (now.status.startsWith('error')) throw new GodwitError('GW_RESOURCE_STUCK', 'retryable', `${deps.site}: snapshot ${id} is ${now.status}`, { site: deps.site, resource: `snapshot ${id}`, action: 'Look at cinder-volume’s log.' });
      return now.status === 'creating' ? undefined : now;
    },
    { ...deps, pollMs, timeoutMs: 300_000, onTimeout: () => stuck(deps.site, `snapshot ${id}`, 'not available after 300 s') },
  );
}

const incomplete = (site: string, server: ServerRecord, why: string): GodwitError =>
  new GodwitError('GW_SNAPSHOT_INCOMPLETE', 'terminal', `${site}: the image of server ${server.name} is not whole: ${why}`, { site, resource: `server ${server.name}`, action: 'Protect again; if it stays so, look at nova-api’s log.' });
