import { isOpenStackError, orUndefined, type Server } from '@godwit/openstack';
import { at, GodwitError } from '@godwit/sites';
import type { StepContext } from '@godwit/workflow';
import { waitFor } from '../cinder/wait.ts';
import type { Deps } from '../deps.ts';
import type { ServerRecord } from '../inventory/types.ts';
import { labels } from '../names.ts';
import type { RestoredVolume } from '../methods/types.ts';
import type { RecoveryResult } from '../schemas.ts';
import type { RecoveryPlan } from './assess.ts';
import { shutOut } from './fence.ts';
import { serversOfGroup } from './find.ts';
import type { MadePort } from './ports.ts';

export type BootedServer = RecoveryResult['servers'][number];

/** Boots a member from its restored volumes, in device order, and waits until it runs. Run twice, it is found by its labels. */
export async function bootServer(deps: Deps, plan: RecoveryPlan, record: ServerRecord, volumes: readonly RestoredVolume[], ports: readonly MadePort[], s: StepContext): Promise<BootedServer> {
  const { compute } = deps.sites.get(plan.to).asProject(plan.group.project);
  return at(
    plan.to,
    async () => {
      s.progress({ phase: 'BootingServers', item: record.name });
      const back = plan.returns?.servers[record.id];
      if (back !== undefined) return startAgain(deps, plan, record, back, ports, s);
      let server = (await serversOfGroup(deps, plan.group, plan.to, plan.epoch)).find((v) => v.metadata[labels.origin] === record.id && v.metadata[labels.point] === plan.pointId);
      if (server?.status === 'ERROR') {
        await removeServer(deps, plan, server.id, s);
        server = undefined;
      }
      const { id } = server ?? (await compute.servers.create({ server: await request(deps, plan, record, volumes, ports) }));
      const running = await waitFor(
        async () => {
          const now = await compute.servers.get(id);
          s.progress({ phase: 'BootingServers', item: record.name, message: now.status });
          if (now.status === 'ERROR') throw bootFailed(plan.to, record.name, now);
          return now.status === 'ACTIVE' ? now : undefined;
        },
        { clock: deps.clock, signal: s.signal, pollMs: 500, timeoutMs: 900_000, onTimeout: () => new GodwitError('GW_BOOT_FAILED', 'terminal', `${plan.to}: server ${record.name} did not become ACTIVE within 15 minutes`, { site: plan.to, resource: `server ${id}` }) },
      );
      return { name: running.name, id, bootedAt: deps.clock.now().toISOString(), ports: ports.map((p) => ({ mac: p.mac, ips: [...p.ips] })) };
    },
    `server ${record.name}`,
  );
}

/** It ran here before: unlocked and started, with its own volumes and ports. */
async function startAgain(deps: Deps, plan: RecoveryPlan, record: ServerRecord, id: string, ports: readonly MadePort[], s: StepContext): Promise<BootedServer> {
  const { compute } = deps.sites.get(plan.to).asProject(plan.group.project);
  // Noted when the group left this site, and carried out (its lock says so): from now on it must run here.
  for (const fence of await deps.store.fences()) if (fence.groupId === plan.group.id && fence.site === plan.to && fence.epoch < plan.epoch) await deps.store.fenced(fence, deps.clock.now());
  await compute.servers.unlock(id);
  await waitFor(
    async () => {
      const now = await compute.servers.get(id);
      s.progress({ phase: 'BootingServers', item: record.name, message: now.status });
      if (now.status === 'ERROR') throw bootFailed(plan.to, record.name, now);
      if (now.status === 'ACTIVE') return true;
      if (now.status === 'SHUTOFF' && !now['OS-EXT-STS:task_state']) {
        await compute.servers.start(id).catch((error: unknown) => {
          if (!isOpenStackError(error, 'OS_CONFLICT')) throw error; // it is being started
        });
      }
      return undefined;
    },
    { clock: deps.clock, signal: s.signal, pollMs: 500, timeoutMs: 900_000, onTimeout: () => new GodwitError('GW_BOOT_FAILED', 'terminal', `${plan.to}: server ${record.name} did not become ACTIVE within 15 minutes`, { site: plan.to, resource: `server ${id}` }) },
  );
  return { name: record.name, id, bootedAt: deps.clock.now().toISOString(), ports: ports.map((p) => ({ mac: p.mac, ips: [...p.ips] })) };
}

async function request(deps: Deps, plan: RecoveryPlan, record: ServerRecord, volumes: readonly RestoredVolume[], ports: readonly MadePort[]) {
  const { compute } = deps.sites.get(plan.to).asProject(plan.group.project);
  const flavorName = deps.sites.map(plan.from, plan.to, 'flavors', record.flavor.name);
  const flavor = (await compute.flavors.list()).find((f) => f.name === flavorName);
  if (!flavor) throw new GodwitError('GW_FLAVOR_UNMAPPED', 'terminal', `${plan.to}: there is no flavor ${flavorName}`, { site: plan.to, resource: `flavor ${flavorName}` });
  const image = plan.images?.[record.id];
  const zone = record.availabilityZone && deps.sites.map(plan.from, plan.to, 'availabilityZones', record.availabilityZone);
  const zones = zone ? await compute.availabilityZones() : [];
  return {
    name: record.name,
    flavorRef: flavor.id,
    config_drive: record.configDrive,
    // A zone that the recovery site does not have, and that nobody mapped, must not keep the member from coming back.
    ...(zone && zones.some((z) => z.name === zone) ? { availability_zone: zone } : {}),
    metadata: { ...record.metadata, [labels.group]: plan.group.id, [labels.point]: plan.pointId, [labels.epoch]: String(plan.epoch), [labels.origin]: record.id },
    ...(record.tags.length > 0 ? { tags: [...record.tags] } : {}),
    networks: ports.length > 0 ? ports.map((p) => ({ port: p.id })) : ('none' as const),
    ...(image === undefined ? {} : { imageRef: image }),
    block_device_mapping_v2: [
      ...(image === undefined ? [] : [{ boot_index: 0, uuid: image, source_type: 'image' as const, destination_type: 'local' as const, delete_on_termination: true }]),
      ...record.volumes.map((v) => ({
        boot_index: v.bootIndex,
        uuid: volumes.find((r) => r.originId === v.id)?.id ?? '',
        source_type: 'volume' as const,
        destination_type: 'volume' as const,
        delete_on_termination: v.deleteOnTermination,
      })),
    ],
  };
}

function bootFailed(site: string, name: string, server: Server): GodwitError {
  const why = (server.fault as { message?: string } | undefined)?.message ?? 'no reason given';
  const noHost = /No valid host/i.test(why);
  return new GodwitError(noHost ? 'GW_NO_HOST' : 'GW_BOOT_FAILED', 'terminal', `${site}: server ${name} did not start: ${why}`, {
    site,
    resource: `server ${name}`,
    action: noHost ? 'Free or add capacity at this site, then recover again.' : 'Look at nova-compute’s log, then recover again.',
  });
}

/** Undo. What was there before is stopped and locked again. */
export async function deleteServers(deps: Deps, plan: RecoveryPlan, s: StepContext): Promise<void> {
  const back = Object.values(plan.returns?.servers ?? {});
  if (back.length > 0) await shutOut(deps, { site: plan.to, project: plan.group.project, epoch: plan.epoch }, back, s.signal);
  const mine = await serversOfGroup(deps, plan.group, plan.to, plan.epoch);
  await Promise.all(mine.map((server) => removeServer(deps, plan, server.id, s)));
}

async function removeServer(deps: Deps, plan: RecoveryPlan, id: string, s: StepContext): Promise<void> {
  const { compute } = deps.sites.get(plan.to).asProject(plan.group.project);
  await at(plan.to, async () => {
    await orUndefined(compute.servers.delete(id));
    await waitFor(
      async () => ((await orUndefined(compute.servers.get(id))) ? undefined : true),
      { clock: deps.clock, signal: s.signal, pollMs: 1_000, timeoutMs: 300_000, onTimeout: () => new GodwitError('GW_RESOURCE_STUCK', 'terminal', `${plan.to}: server ${id} was not deleted within 300 s`, { site: plan.to, resource: `server ${id}` }) },
    );
  });
}
