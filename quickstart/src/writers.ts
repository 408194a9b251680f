import { readGuestLog, type Emulator } from '@godwit/emulator';

/** What the writers have put on a member's two volumes by now, as it lies there. */
export function logsOf(emulator: Emulator, siteName: string, volumes: readonly string[]): { readonly root: string; readonly data: string } {
  const site = emulator.site(siteName);
  const [root = '', data = ''] = volumes.map((id) => {
    site.parts.guests?.flush(id);
    const contents = site.part('volumes').contents(id);
    return contents ? readGuestLog(contents) : '';
  });
  return { root, data };
}

/** Number of the last whole line; 0 when there is none. */
export function lastNumber(log: string): number {
  const line = log.slice(0, log.lastIndexOf('\n') + 1).split('\n').at(-2) ?? '';
  return Number(line.split(' ')[0]) || 0;
}

/** How long its guest had been up when the last whole line was written, in seconds; 0 when there is none. */
export function lastUptime(log: string): number {
  const line = log.slice(0, log.lastIndexOf('\n') + 1).split('\n').at(-2) ?? '';
  return Number(line.split(' ')[1]) || 0;
}

/** The longest time without a line after line `afterN`, by the writer's own clock, in milliseconds. */
export function longestGapMs(log: string, afterN: number): number {
  let longest = 0;
  let before: number | undefined;
  for (const line of log.split('\n')) {
    const [n, uptime] = line.split(' ').map(Number);
    if (n === undefined || uptime === undefined || Number.isNaN(uptime) || n < afterN) continue;
    if (before !== undefined) longest = Math.max(longest, Math.round((uptime - before) * 1000));
    before = uptime;
  }
  return longest;
}
