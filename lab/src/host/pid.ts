import { readFileSync } from 'node:fs';

/** A process, told apart from a later one with the same number by its start time (clock ticks since boot). */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTime: string;
}

/** Field 22 of /proc/PID/stat. The command's name, field 2, may itself hold spaces and parentheses. */
export function startTimeOf(stat: string): string | undefined {
  const afterName = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return afterName[19];
}

/** The state letter of /proc/PID/stat (`Z` = a zombie). */
export function processState(stat: string): string | undefined {
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[0];
}

export function identify(pid: number): ProcessIdentity | undefined {
  try {
    const stat = readFileSync(`/proc/${String(pid)}/stat`, 'utf8');
    const startTime = startTimeOf(stat);
    if (startTime === undefined || processState(stat) === 'Z') return undefined;
    return { pid, startTime };
  } catch {
    return undefined;
  }
}

/** Whether exactly this process still runs. */
export function isAlive(process: ProcessIdentity): boolean {
  return identify(process.pid)?.startTime === process.startTime;
}

/** A pid file's text: number and start time. */
export const formatPidFile = (p: ProcessIdentity): string => `${String(p.pid)} ${p.startTime}\n`;

export function parsePidFile(text: string): ProcessIdentity | undefined {
  const match = /^(\d+) (\d+)\s*$/.exec(text);
  if (!match?.[1] || !match[2]) return undefined;
  return { pid: Number(match[1]), startTime: match[2] };
}
