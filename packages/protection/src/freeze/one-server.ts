import { GodwitError, toGodwitError, type ProjectRef, type Site } from '@godwit/sites';
import type { Clock } from '../deps.ts';
import { readMembers, resolveMembers } from '../inventory/resolve.ts';
import type { ServerRecord } from '../inventory/types.ts';
import type { QuiesceResult } from '../schemas.ts';
import type { ThawKeeper } from './keeper.ts';
import { firstRung, ladder } from './ladder.ts';

export interface OneServerDeps {
  readonly clock: Clock;
  readonly keeper: ThawKeeper;
  readonly log: (level: 'debug' | 'info' | 'warn' | 'error', message: string, data?: unknown) => void;
}

/** Nova's quiesce and unquiesce as an API of their own: one server, under the same dead-man switch as a group's. */
export async function quiesceOne(deps: OneServerDeps, site: Site, project: ProjectRef, name: string, limitSeconds: number): Promise<QuiesceResult> {
  const server = await find(site, project, name);
  refuseUnfit(site.name, server);
  const guest = { serverId: server.id, host: server.host };
  const limitMs = limitSeconds * 1_000;
  const armedAt = deps.clock.now().getTime();
  const begun = performance.now();
  try {
    await atServer(site, server, () => site.compute.arm(guest, ladder(limitMs)));
  } catch (error) {
    // Half armed, it would look like a frozen guest to the next protect.
    await site.compute.disarm(guest).catch(() => undefined);
    throw error;
  }
  const timeoutMs = Math.min(10_000, firstRung(limitMs));
  const freeze = site.compute.quiesce(guest, timeoutMs);
  try {
    await freeze.result;
  } catch (cause) {
    const duty = deps.keeper.keep({ ...deps, compute: site.compute }, { guest, limitMs, freeze, freezeExpiresAt: new Date(armedAt + timeoutMs + 2_000) });
    await Promise.race([duty.catch(() => undefined), deps.clock.sleep(5_000)]);
    const error = toGodwitError(cause, { site: site.name, resource: `server ${server.name}` });
    throw new GodwitError('GW_QUIESCE_FAILED', 'terminal', `${site.name}: server ${server.name} was not frozen: ${error.message}`, { site: site.name, resource: `server ${server.name}`, action: 'Check qemu-guest-agent in the guest.', cause });
  }
  return { server: server.id, site: site.name, frozen: true, elapsedMs: Math.round(performance.now() - begun), thawsAt: new Date(armedAt + firstRung(limitMs)).toISOString() };
}

export async function unquiesceOne(deps: OneServerDeps, site: Site, project: ProjectRef, name: string): Promise<QuiesceResult> {
  const server = await find(site, project, name);
  refuseUnfit(site.name, server);
  const begun = performance.now();
  const guest = { serverId: server.id, host: server.host };
  await atServer(site, server, () => site.compute.unquiesce(guest, 10_000).result);
  await atServer(site, server, () => site.compute.disarm(guest));
  return { server: server.id, site: site.name, frozen: false, elapsedMs: Math.round(performance.now() - begun) };
}

async function find(site: Site, project: ProjectRef, name: string): Promise<ServerRecord> {
  const members = await resolveMembers(site, project, [name]);
  const [server] = await readMembers(site, project, members);
  return server as ServerRecord;
}

/** What Nova itself would check before it freezes: we tell its compute manager that the image has the property. */
function refuseUnfit(site: string, server: ServerRecord): void {
  const facts = { site, resource: `server ${server.name}` };
  if (server.status !== 'ACTIVE') throw new GodwitError('GW_MEMBER_NOT_RUNNING', 'terminal', `${site}: server ${server.name} is ${server.status}, not ACTIVE`, { ...facts, action: 'Start it first.' });
  const root = server.volumes.find((v) => v.bootIndex === 0);
  if (root?.imageMetadata['hw_qemu_guest_agent']?.toLowerCase() !== 'yes') {
    throw new GodwitError('GW_MEMBER_NO_AGENT_PROPERTY', 'terminal', `${site}: server ${server.name} has no boot volume of an image with hw_qemu_guest_agent=yes`, { ...facts, action: 'Set the property on the image, and rebuild the server from it.' });
  }
}

async function atServer<T>(site: Site, server: ServerRecord, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toGodwitError(error, { site: site.name, resource: `server ${server.name}` });
  }
}
