import type { Contents } from '../between.ts';
import { appendLog, lastLine, logLength, LOG_LIMIT } from './log.ts';

/** A running guest: plain data, so that a world can be saved. All times are the world's clock, in milliseconds. */
export interface Guest {
  readonly serverId: string;
  readonly bootedAt: number;
  /** Volumes that its writer writes to, root first; without any, it only has an agent. */
  readonly volumes: readonly string[];
  /** Its image had hw_qemu_guest_agent. */
  readonly agent: boolean;
  /** The agent answers from here on: a guest boots for some seconds. */
  agentFrom: number;
  frozenSince: number | undefined;
  longestFreezeMs: number;
  freezes: number;
  /** Time for which it has run unfrozen, up to `countedTo`. */
  activeMs: number;
  countedTo: number;
  /** Active time up to which everything is written. */
  writtenMs: number;
  /** Last number on the root volume. */
  n: number;
  /** A line that is on the root volume and not on the data volume yet. */
  half: string | undefined;
}

/** Counts the active time up to now. */
function count(guest: Guest, now: number): void {
  if (guest.frozenSince === undefined) guest.activeMs += Math.max(0, now - guest.countedTo);
  guest.countedTo = now;
}

/**
 * What the writer has written by now, all at once: every `intervalMs` of active time it appends `n uptime epoch` to the root volume, and half an
 * interval later the same line to the data volume. A frozen guest has no active time, so nothing is written for it.
 */
export function write(guest: Guest, now: number, intervalMs: number, contentsOf: (volumeId: string) => Contents | undefined): void {
  count(guest, now);
  const [rootId, dataId] = guest.volumes;
  if (intervalMs <= 0 || rootId === undefined) return;
  const half = intervalMs / 2;
  const from = Math.floor(guest.writtenMs / half);
  const to = Math.floor(guest.activeMs / half);
  guest.writtenMs = guest.activeMs;
  if (to <= from) return;
  const root = contentsOf(rootId);
  const data = dataId === undefined ? undefined : contentsOf(dataId);
  let used = root ? (logLength(root) ?? 0) : 0;
  const rootText: string[] = [];
  const dataText: string[] = [];
  for (let step = from + 1; step <= to; step += 1) {
    if (step % 2 === 1) {
      if (used > LOG_LIMIT) break;
      const epoch = now - (guest.activeMs - step * half);
      guest.n += 1;
      guest.half = `${String(guest.n)} ${((epoch - guest.bootedAt) / 1000).toFixed(2)} ${(epoch / 1000).toFixed(3)}\n`;
      rootText.push(guest.half);
      used += guest.half.length;
    } else if (guest.half !== undefined) {
      dataText.push(guest.half);
      guest.half = undefined;
    }
  }
  if (root && rootText.length > 0) appendLog(root, rootText.join(''));
  if (data && dataText.length > 0) appendLog(data, dataText.join(''));
}

/** A booting guest looks at its disks and goes on where they end; a line that a crash kept from the data disk is written first. */
export function bootGuest(serverId: string, now: number, agent: { readonly present: boolean; readonly from: number }, volumes: readonly string[], contentsOf: (volumeId: string) => Contents | undefined): Guest {
  const root = volumes[0] === undefined ? undefined : contentsOf(volumes[0]);
  const data = volumes[1] === undefined ? undefined : contentsOf(volumes[1]);
  const last = root ? lastLine(root) : { n: 0, line: '' };
  if (root && data && last.n > 0 && lastLine(data).n === last.n - 1) appendLog(data, `${last.line}\n`);
  return {
    serverId, bootedAt: now, volumes, agent: agent.present, agentFrom: agent.from,
    frozenSince: undefined, longestFreezeMs: 0, freezes: 0,
    activeMs: 0, countedTo: now, writtenMs: 0, n: last.n, half: undefined,
  };
}

export function freeze(guest: Guest, now: number): void {
  count(guest, now);
  guest.frozenSince = now;
  guest.freezes += 1;
}

export function thaw(guest: Guest, now: number): void {
  if (guest.frozenSince === undefined) return;
  guest.longestFreezeMs = Math.max(guest.longestFreezeMs, now - guest.frozenSince);
  guest.frozenSince = undefined;
  guest.countedTo = now;
}
