import { createHash } from 'node:crypto';
import { cephFsid, type RbdImage } from '../cinder/rbd-state.ts';
import type { Site } from '../core/site.ts';
import { copyOf, readSparse, BLOCK } from '../storage/sparse.ts';
import { Pool } from './images.ts';
import { advance, daemon, handedOver, LOCKED_MS } from './mirror.ts';

export interface RbdAnswer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const said = (stdout: string): RbdAnswer => ({ code: 0, stdout, stderr: '' });
const refused = (code: number, message: string): RbdAnswer => ({ code, stdout: '', stderr: `rbd: ${message}` });
const json = (value: unknown): RbdAnswer => said(JSON.stringify(value));

/**
 * `rbd` of a site, as 18.2.7 answers it, as far as Godwit's agent asks: its own texts, numbers of errors and refusals. One pool, `volumes`.
 * @param digest instead of what would be printed, its SHA-256
 */
export async function rbd(site: Site, args: readonly string[], { digest = false } = {}): Promise<RbdAnswer> {
  const words = args.filter((a, n) => !a.startsWith('--') && args[n - 1] !== '--format');
  const verb = verbs.find((v) => v.every((w, n) => words[n] === w));
  await site.tap({ phase: 'arrived', service: 'rbd', method: (verb ?? words.slice(0, 2)).join(' '), path: words.slice(verb?.length ?? 2).join(' '), mutates: !reads.has((verb ?? []).join(' ')) });
  if (!site.alive) return refused(110, 'couldn\'t connect to the cluster!');
  advance(site);
  const answer = run(site, (verb ?? []).join(' '), words.slice(verb?.length ?? 0), args.includes('--force'), digest);
  await site.tap({ phase: 'done', service: 'rbd', method: (verb ?? words.slice(0, 2)).join(' '), path: words.slice(verb?.length ?? 2).join(' '), mutates: !reads.has((verb ?? []).join(' ')) });
  return answer;
}

const verbs = [
  'mirror pool info', 'mirror image enable', 'mirror image disable', 'mirror image status', 'mirror image snapshot', 'mirror image promote', 'mirror image demote', 'mirror image resync',
  'snap ls', 'snap create', 'snap rm', 'snap rollback', 'image-meta get', 'image-meta set', 'image-meta remove', 'info', 'rename', 'cp', 'rm', 'export',
].map((v) => v.split(' '));
const reads = new Set(['mirror pool info', 'mirror image status', 'snap ls', 'image-meta get', 'info', 'export']);

function run(site: Site, verb: string, [spec = '', ...rest]: readonly string[], force: boolean, digest: boolean): RbdAnswer {
  const pool = new Pool(site);
  const [poolName, path = ''] = spec.split('/');
  const [name = '', snap] = path.split('@');
  if (verb === '') return refused(22, 'error parsing command');
  if (poolName !== 'volumes') return refused(2, `error opening pool '${poolName ?? ''}': (2) No such file or directory`);
  if (verb === 'mirror pool info') return json({ mode: 'image', site_name: cephFsid(site), peers: Object.keys(site.topology.sites).filter((s) => s !== site.name).map((s) => ({ uuid: cephFsid(site), direction: 'rx-tx', site_name: s, mirror_uuid: '', client_name: 'client.rbd-mirror-peer' })) });
  if (!pool.has(name)) return verb === 'image-meta get' || verb === 'rm' ? refused(2, `error: (2) No such file or directory`) : refused(2, `error opening image ${name}: (2) No such file or directory`);
  const image = pool.image(name);
  const { mirror } = image;
  const writable = mirror === undefined || mirror.primary;
  const readOnly = (what: string): RbdAnswer => refused(30, `${what}: (30) Read-only file system`);
  switch (verb) {
    case 'info':
      return json({ name, id: image.internalId, size: pool.data(name)?.size ?? 0, features: ['layering', 'exclusive-lock', 'object-map', 'fast-diff', 'deep-flatten'], ...(mirror && { mirroring: { mode: mirror.mode, state: 'enabled', global_id: mirror.globalId, primary: mirror.primary } }) });
    case 'image-meta get':
      return image.meta[rest[0] ?? ''] === undefined ? refused(2, `failed to get metadata ${rest[0] ?? ''} of image : (2) No such file or directory`) : said(`${image.meta[rest[0] ?? ''] ?? ''}\n`);
    case 'image-meta set':
      if (!writable) return readOnly('failed to set metadata');
      image.meta[rest[0] ?? ''] = rest[1] ?? '';
      return said('');
    case 'image-meta remove':
      if (image.meta[rest[0] ?? ''] === undefined) return refused(2, 'failed to remove metadata: (2) No such file or directory');
      delete image.meta[rest[0] ?? ''];
      return said('');
    case 'snap ls':
      return json(image.snapshots.map((s) => ({ id: s.id, name: s.name, size: s.data.size, protected: 'false', namespace: s.mirror ? { type: 'mirror', state: s.mirror.state, mirror_peer_uuids: [], complete: true, ...(s.mirror.primarySnapId !== undefined && { primary_snap_id: s.mirror.primarySnapId }) } : { type: 'user' } })));
    case 'snap create':
      if (!writable) return readOnly('failed to create snapshot');
      if (image.snapshots.some((s) => s.name === snap)) return refused(17, 'failed to create snapshot: (17) File exists');
      if (site.storageFull) return refused(28, 'failed to create snapshot: (28) No space left on device');
      pool.snapshot(name, snap ?? '');
      return said('');
    case 'snap rm':
      if (!writable) return readOnly('failed to remove snapshot');
      if (!image.snapshots.some((s) => s.name === snap)) return refused(2, 'failed to remove snapshot: (2) No such file or directory');
      image.snapshots = image.snapshots.filter((s) => s.name !== snap);
      return said('');
    case 'snap rollback': {
      if (!writable || (pool.state.rbdFacts.locked.get(mirror?.globalId ?? '') ?? 0) > site.clock.now()) return readOnly('rollback failed');
      const to = image.snapshots.find((s) => s.name === snap);
      if (!to) return refused(2, 'rollback failed: (2) No such file or directory');
      pool.put(name, copyOf(to.data));
      return said('');
    }
    case 'rename': {
      const to = rest[0]?.split('/')[1] ?? '';
      if (pool.has(to)) return refused(17, `rename error: (17) File exists`);
      if (!writable && mirror.mode === 'journal') return readOnly('rename error');
      pool.rename(name, to);
      return said('');
    }
    case 'cp': {
      const to = rest[0]?.split('/')[1] ?? '';
      if (pool.has(to)) return refused(17, 'image copy failed: (17) File exists');
      const data = pool.data(name);
      if (data) pool.put(to, copyOf(data));
      return said('');
    }
    case 'rm':
      if (!writable) return readOnly('delete error');
      pool.remove(name);
      return said('');
    case 'export': {
      const from = snap === undefined ? pool.data(name) : image.snapshots.find((s) => s.name === snap)?.data;
      if (!from) return refused(2, 'export error: (2) No such file or directory');
      const hash = createHash('sha256');
      // Holes read as zeros and are many: what is written, and where, tells two contents apart as well.
      for (const index of [...from.blocks.keys()].sort((a, b) => a - b)) {
        const bytes = readSparse(from, index * BLOCK, BLOCK);
        if (bytes.some((b) => b !== 0)) hash.update(String(index)).update(bytes);
      }
      return said(digest ? hash.digest('hex') : '');
    }
    default:
      return mirrorVerb(site, pool, name, image, verb, rest, force);
  }
}

function mirrorVerb(site: Site, pool: Pool, name: string, image: RbdImage, verb: string, rest: readonly string[], force: boolean): RbdAnswer {
  const { mirror } = image;
  if (verb === 'mirror image enable') {
    if (mirror) return said('Mirroring enabled\n');
    image.mirror = { mode: rest[0] === 'journal' ? 'journal' : 'snapshot', globalId: site.random.uuid(), primary: true, resync: false, split: false };
    ship(pool, name, image, 'primary');
    return said('Mirroring enabled\n');
  }
  if (!mirror) return refused(22, 'mirroring not enabled on the image');
  switch (verb) {
    case 'mirror image status':
      return json({ name, global_id: mirror.globalId, ...replayOf(site, image), peer_sites: [] });
    case 'mirror image snapshot':
      if (mirror.mode === 'journal') return refused(22, 'error creating snapshot: (22) Invalid argument');
      if (!mirror.primary) return refused(22, 'error creating snapshot: (22) Invalid argument');
      return said(`Snapshot ID: ${String(ship(pool, name, image, 'primary'))}\n`);
    case 'mirror image promote':
      if (mirror.primary) return refused(16, 'image is already primary');
      if (!force && !givenUpHere(image) && !handedOver(site, mirror.globalId)) return refused(16, 'error promoting image to primary');
      // By force: what the other side writes or has written since is not known here.
      mirror.primary = true;
      mirror.split = force;
      // Its rbd-mirror still replays, and lets nobody else write.
      if (force && mirror.mode === 'journal' && site.running(daemon)) pool.state.rbdFacts.locked.set(mirror.globalId, site.clock.now() + LOCKED_MS / site.clock.speed);
      ship(pool, name, image, 'primary');
      return said('Image promoted to primary\n');
    case 'mirror image demote':
      if (!mirror.primary) return refused(22, 'image is not primary');
      mirror.primary = false;
      mirror.split = otherIsPrimary(site, mirror.globalId);
      ship(pool, name, image, 'demoted');
      return said('Image demoted to non-primary\n');
    case 'mirror image resync':
      if (mirror.primary) return refused(22, 'image is primary, cannot resync to itself');
      mirror.resync = true;
      return said('Flagged image for resync from primary\n');
    case 'mirror image disable':
      image.mirror = undefined;
      image.snapshots = image.snapshots.filter((s) => s.mirror === undefined);
      for (const peer of peers(site)) {
        const found = new Pool(peer).withId(mirror.globalId);
        if (found && found[1].mirror?.primary !== true) new Pool(peer).remove(found[0]);
      }
      return said('Mirroring disabled\n');
    default:
      return refused(22, `the emulator has no ${verb}`);
  }
}

const peers = (site: Site): Site[] => Object.keys(site.topology.sites).flatMap((n) => {
  const peer = n === site.name ? undefined : site.peer(n);
  return peer?.alive === true && site.reaches(n) ? [peer] : [];
});

/** Whoever gave an image up may take it back, as long as nothing has come from the other side since. */
const givenUpHere = (image: RbdImage): boolean => image.snapshots.findLast((s) => s.mirror !== undefined)?.mirror?.state === 'demoted';

const otherIsPrimary = (site: Site, globalId: string): boolean => peers(site).some((p) => new Pool(p).withId(globalId)?.[1].mirror?.primary === true);

/** The older mirror snapshots go, as Ceph's do when they are of no use any more. */
function ship(pool: Pool, name: string, image: RbdImage, state: 'primary' | 'demoted'): number {
  image.snapshots = image.snapshots.filter((s) => s.mirror === undefined);
  return pool.snapshot(name, `.mirror.primary.${image.mirror?.globalId ?? ''}`, { state, imageName: name }).id;
}

function replayOf(site: Site, image: RbdImage): { state: string; description: string } {
  if (!site.running(daemon)) return { state: 'down+stopped', description: 'stopped' };
  if (image.mirror?.primary === true) return { state: 'up+stopped', description: 'local image is primary' };
  if (image.mirror?.split === true) return { state: 'up+error', description: 'split-brain' };
  return { state: 'up+replaying', description: 'replaying, {"bytes_per_second":0.0,"bytes_per_snapshot":0.0,"last_snapshot_bytes":0,"last_snapshot_sync_seconds":0,"local_snapshot_timestamp":1,"remote_snapshot_timestamp":1,"replay_state":"idle"}' };
}
