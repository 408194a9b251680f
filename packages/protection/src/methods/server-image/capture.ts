import { at } from '@godwit/sites';
import type { StepContext } from '@godwit/workflow';
import type { CinderDeps } from '../../cinder/group.ts';
import { hasAgent, type ServerRecord } from '../../inventory/types.ts';
import { names } from '../../names.ts';
import type { Capture, Making } from '../types.ts';
import { dropImages } from './drop.ts';
import { guardedFreeze, type Guarded } from './guarded.ts';
import { imagesNamed, requestImage, untilFilled, untilIdle, type NovaDeps } from './request.ts';
import { snapshotsOf, snapshotVolume } from './snapshots.ts';

/** What was made of one server. */
export interface ServerCapture {
  readonly begunAt: string;
  readonly windowMs: number;
  readonly snapshotMs: number;
  readonly snapshots: Readonly<Record<string, string>>;
  /** Of one whose root disk is no volume. */
  readonly imageId?: string;
}

export async function captureServer(making: Making, server: ServerRecord, s: StepContext): Promise<ServerCapture> {
  const { deps, input, prepared } = making;
  const site = deps.sites.get(prepared.source);
  const tenant = site.asProject(prepared.group.project);
  const nova: NovaDeps = { site: site.name, tenant, admin: site.admin, clock: deps.clock, signal: s.signal };
  const cinder: CinderDeps = { site: site.name, cloud: tenant, clock: deps.clock, signal: s.signal };
  s.progress({ phase: 'MakingImage', item: server.name });
  return at(site.name, () => (server.imageBooted ? ofLocalDisk(making, server, nova, cinder, s) : ofVolumes(making, server, nova, cinder, s)), `server ${server.name}`);

  async function ofVolumes(m: Making, v: ServerRecord, n: NovaDeps, c: CinderDeps, step: StepContext): Promise<ServerCapture> {
    // What a try before this one left was made while the broker may have thawed: it cannot be trusted, and costs little to make again.
    await dropImages(deps, prepared.group, site.name, input.pointId, step.signal, { serverId: v.id, volumeIds: v.volumes.map((x) => x.id) });
    await untilIdle(n, v);
    const made = await guarded(m, v, step, true, async (signal) => {
      const imageId = await requestImage({ ...n, signal }, v, names.serverImage(input.pointId, v.id), mark());
      return snapshotsOf({ ...c, signal }, v, await tenant.image.get(imageId, { signal }));
    });
    return { begunAt: made.begunAt, windowMs: Math.round(made.windowMs), snapshotMs: Math.round(made.insideMs), snapshots: made.value };
  }

  /** Its bytes are many: an image that an earlier try began is gone on with. Its volumes are in no image of Nova's. */
  async function ofLocalDisk(m: Making, v: ServerRecord, n: NovaDeps, c: CinderDeps, step: StepContext): Promise<ServerCapture> {
    const name = names.serverImage(input.pointId, v.id);
    const begun = (await imagesNamed(tenant, name))[0];
    if (!begun) await untilIdle(n, v);
    const made = await guarded(m, v, step, false, async (signal) => {
      const imageId = begun?.id ?? (await requestImage({ ...n, signal }, v, name, mark()));
      const snapshots = Object.fromEntries(await Promise.all(v.volumes.map(async (x) => [x.id, await snapshotVolume({ ...c, signal }, input.pointId, x)] as const)));
      try {
        await untilFilled({ ...n, signal }, v, imageId, (status) => step.progress({ phase: 'MakingImage', item: v.name, message: status }));
      } catch (error) {
        // The next try begins anew: this one will never have data.
        if ((error as { code?: unknown }).code === 'GW_SERVER_IMAGE_FAILED') await dropImages(deps, prepared.group, site.name, input.pointId, step.signal, { serverId: v.id, volumeIds: [] });
        throw error;
      }
      return { imageId, snapshots };
    });
    return { begunAt: begun?.created_at ?? made.begunAt, windowMs: Math.round(made.windowMs), snapshotMs: 0, snapshots: made.value.snapshots, imageId: made.value.imageId };
  }

  function mark(): Record<string, string> {
    return { godwit_point: input.pointId, godwit_group: prepared.group.id };
  }
}

/** A guest without an agent is never frozen: nothing to guard. */
async function guarded<T>({ deps, prepared }: Making, server: ServerRecord, s: StepContext, wholly: boolean, inside: (signal: AbortSignal) => Promise<T>): Promise<Guarded<T>> {
  if (!hasAgent(server)) {
    const [begun, begunAt] = [performance.now(), deps.clock.now().toISOString()];
    const value = await inside(s.signal);
    return { value, begunAt, windowMs: 0, insideMs: performance.now() - begun };
  }
  const { compute, name } = deps.sites.get(prepared.source);
  return guardedFreeze(
    { compute, clock: deps.clock, log: deps.log },
    { site: name, guest: { serverId: server.id, host: server.host, name: server.name }, limitMs: prepared.group.policy.freezeLimitSeconds * 1_000, keeper: deps.keeper, signal: s.signal, wholly },
    inside,
  );
}

const thawPatienceMs = 30_000;

/** Undo: the guest surely thawed, and what was made of it deleted. */
export async function abandonServer({ deps, input, prepared }: Making, server: ServerRecord, s: StepContext): Promise<void> {
  if (hasAgent(server)) {
    const { compute } = deps.sites.get(prepared.source);
    const duty = deps.keeper.keep({ compute, clock: deps.clock, log: deps.log }, { guest: { serverId: server.id, host: server.host }, limitMs: prepared.group.policy.freezeLimitSeconds * 1_000 });
    await Promise.race([duty, deps.clock.sleep(thawPatienceMs, s.signal)]);
  }
  await dropImages(deps, prepared.group, prepared.source, input.pointId, s.signal, { serverId: server.id, volumeIds: server.volumes.map((v) => v.id) });
}

/** Each server has a moment of its own: the point is as old as the first of them. */
export function joined(servers: readonly ServerRecord[], made: readonly ServerCapture[]): Capture {
  const longest = (of: (c: ServerCapture) => number): number => Math.max(0, ...made.map(of));
  return {
    frozenAt: new Date(Math.min(...made.map((c) => Date.parse(c.begunAt)))).toISOString(),
    windowMs: longest((c) => c.windowMs),
    snapshotMs: longest((c) => c.snapshotMs),
    snapshots: Object.assign({}, ...made.map((c) => c.snapshots)) as Record<string, string>,
    images: Object.fromEntries(servers.flatMap((v, n) => (made[n]?.imageId === undefined ? [] : [[v.id, made[n].imageId]]))),
  };
}
