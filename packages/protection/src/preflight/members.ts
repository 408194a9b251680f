import type { Site } from '@godwit/sites';
import { hasAgent, type ServerRecord } from '../inventory/types.ts';
import type { Finding } from '../schemas.ts';
import type { Check } from './findings.ts';

export interface MemberNeeds {
  /** A root disk that is no volume can be protected, too. */
  readonly localRoot: boolean;
  /** `if-present`: of a member without a channel to an agent none is asked for; one that has it must answer, for Nova asks it. */
  readonly agent: 'required' | 'if-present';
}

/** Everything about the members themselves that could fail once guests are frozen. */
export function memberChecks(site: Site, servers: readonly ServerRecord[], needs: MemberNeeds): Check[] {
  return servers.flatMap((server): Check[] => [
    { site: site.name, resource: `server ${server.name}`, run: () => Promise.resolve(stateFindings(site.name, server, needs)) },
    ...(needs.agent === 'required' || hasAgent(server) ? [{ site: site.name, resource: `server ${server.name}`, run: () => agentFindings(site, server) }] : []),
  ]);
}

function stateFindings(site: string, server: ServerRecord, needs: MemberNeeds): Finding[] {
  const finding = (code: string, message: string, action: string): Finding => ({ code, message: `${site}: server ${server.name} ${message}`, site, resource: `server ${server.name}`, action });
  const findings: Finding[] = [];
  if (server.status !== 'ACTIVE') findings.push(finding('GW_MEMBER_NOT_RUNNING', `is ${server.status}, not ACTIVE`, 'Start it, or take it out of the group.'));
  const rootVolume = !server.imageBooted && server.volumes.some((v) => v.bootIndex === 0);
  if (needs.localRoot ? !server.imageBooted && !rootVolume : !rootVolume) {
    findings.push(finding('GW_MEMBER_EPHEMERAL_ROOT', 'has its root on the hypervisor’s own disk, which no volume snapshot reaches', 'Protect its group by images of its servers (godwit group set GROUP --method server-image), or boot it from a volume.'));
  }
  if (server.flavor.ephemeralGiB > 0) {
    findings.push(finding('GW_MEMBER_EPHEMERAL_DISK', `has an ephemeral disk of ${server.flavor.ephemeralGiB} GiB by its flavor, which would be lost`, 'Use a flavor without one, and a volume instead.'));
  }
  if (server.status === 'ACTIVE' && server.host === '') findings.push(finding('GW_SITE_FORBIDDEN', 'does not show its host to Godwit’s user, so nobody could freeze it', 'Give Godwit’s user the role named in docs/operators/roles.md on this project.'));
  const root = server.volumes.find((v) => v.bootIndex === 0);
  if (needs.agent === 'required' && root && root.imageMetadata['hw_qemu_guest_agent']?.toLowerCase() !== 'yes') {
    findings.push(finding('GW_MEMBER_NO_AGENT_PROPERTY', 'was booted from an image without hw_qemu_guest_agent=yes, so Nova gave it no agent channel', 'Set the property on the image, and rebuild the server from it.'));
  }
  return findings;
}

const agentTimeoutMs = 6_000;

/**
 * Does the agent answer? Asked by a thaw: on a guest that is not frozen it goes through the agent and changes nothing.
 * A guest that somebody froze on purpose is left alone.
 */
async function agentFindings(site: Site, server: ServerRecord): Promise<Finding[]> {
  if (server.status !== 'ACTIVE' || server.host === '') return [];
  const guest = { serverId: server.id, host: server.host };
  const base = { site: site.name, resource: `server ${server.name}` };
  if ((await site.compute.armed(guest)) !== undefined) {
    return [{ ...base, code: 'GW_MEMBER_FROZEN', message: `${site.name}: server ${server.name} is frozen, or was and is not surely thawed`, action: 'Thaw it: godwit server unquiesce; then try again.' }];
  }
  try {
    await site.compute.unquiesce(guest, agentTimeoutMs).result;
    return [];
  } catch (error) {
    const { code, message, remote } = error as { code?: string; message: string; remote?: { class?: string } };
    if (code !== 'RPC_REMOTE' && code !== 'RPC_TIMEOUT') throw error;
    const why = code === 'RPC_TIMEOUT' ? `does not answer within ${agentTimeoutMs / 1000} s` : `fails: ${remote?.class ?? ''} ${message}`.trim();
    return [{ ...base, code: 'GW_AGENT_SILENT', message: `${site.name}: the guest agent of server ${server.name} ${why}`, action: 'Install and start qemu-guest-agent in the guest.' }];
  }
}
