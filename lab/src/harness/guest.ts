import { checkInvariant, parseGuestConsole, splitLogs, type GuestGap, type InvariantReport } from '../guest/index.ts';
import type { Lab } from '../index.ts';
import { network } from './vnf.ts';
import { eventually } from './wait.ts';

/** Fetches a page of the guest over its tenant network. */
export async function fetchGuest(lab: Lab, site: string, ip: string, page: string): Promise<string> {
  const result = await lab.execInNetwork(site, network, ['curl', '-sS', '--fail', '--max-time', '60', `http://${ip}/cgi-bin/${page}`], { timeoutMs: 90_000 });
  if (result.code !== 0) throw new Error(`http://${ip}/cgi-bin/${page} at ${site}: ${result.stderr.trim()}`);
  return result.stdout;
}

/** Both logs as they lie on the guest's disks, against the writer's invariant. */
export async function guestLogs(lab: Lab, site: string, ip: string): Promise<InvariantReport> {
  const { log0, log1 } = splitLogs(await eventually(`logs of ${ip}`, () => fetchGuest(lab, site, ip, 'log?both'), { timeoutMs: 180_000 }));
  return checkInvariant(log0, log1);
}

/** Stalls of the guest's writer, as it printed them on its console. */
export const guestGaps = (lab: Lab, site: string, server: string): readonly GuestGap[] => parseGuestConsole(lab.consoleLog(site, server)).gaps;

/** The longest stall since the guest's writer was at `afterN`; 0 when it printed none. */
export function longestGapMs(lab: Lab, site: string, server: string, afterN: number): number {
  return Math.max(0, ...guestGaps(lab, site, server).filter((g) => g.n > afterN).map((g) => g.ms));
}

/** Where the writer is now. A guest that has just been busy may refuse once; one that is gone is an error after half a minute. */
export async function writerAt(lab: Lab, site: string, ip: string): Promise<number> {
  const text = await eventually(`status of ${ip} at ${site}`, () => fetchGuest(lab, site, ip, 'status'), { timeoutMs: 30_000, everyMs: 1_000 });
  return Number(/^n0=(\d+)$/m.exec(text)?.[1] ?? 0);
}

export async function agent(lab: Lab, site: string, ip: string, action: 'stop' | 'cont' | 'kill' | 'start' | 'state'): Promise<string> {
  // Each of them may be asked twice; beside a guest that boots, another may not be reached for seconds.
  return (await eventually(`agent ${action} of ${ip} at ${site}`, () => fetchGuest(lab, site, ip, `agent?${action}`), { timeoutMs: 60_000, everyMs: 2_000 })).trim();
}
