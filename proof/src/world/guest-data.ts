import { type Emulator, readGuestLog } from '@godwit/emulator';
import type { Row } from './canonical.ts';

export interface Line {
  readonly n: number;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** What a guest's writer has left in the log of one volume. */
export function parseLog(text: string): Line[] {
  return text.split('\n').filter((l) => l !== '').map((line) => {
    const [n, , epoch] = line.split(' ');
    return { n: Number(n), at: Number(epoch) * 1_000 };
  });
}

/**
 * The writers' invariant: every line goes to the root volume first and to the data volume then, none is left out. So on any one instant's
 * image both logs count from 1 without a gap, and the data volume lacks one line at most.
 */
export function inconsistency(root: readonly Line[], data: readonly Line[] | undefined): string[] {
  const wrong: string[] = [];
  const gap = (lines: readonly Line[]): number => lines.findIndex((l, i) => l.n !== i + 1);
  for (const [what, lines] of [['root', root], ['data', data ?? []]] as const) {
    const at = gap(lines);
    if (at >= 0) wrong.push(`the log of its ${what} volume has ${lines[at]?.n ?? '?'} where ${at + 1} should be`);
  }
  if (data !== undefined) {
    const behind = root.length - data.length;
    if (behind !== 0 && behind !== 1) wrong.push(`its data volume has ${data.length} lines, its root volume ${root.length}`);
    const other = data.findIndex((l, i) => l.at !== root[i]?.at);
    if (other >= 0) wrong.push(`line ${other + 1} differs between its volumes`);
  }
  return wrong;
}

/** Text of the log on a volume, or on a server's own disk. */
function readLog(emulator: Emulator, site: string, diskId: string): string {
  const contents = emulator.site(site).part('guests').contents(diskId);
  return contents === undefined ? '' : readGuestLog(contents);
}

export function guestInconsistencies(emulator: Emulator, server: Row): string[] {
  const site = String(server['site']);
  const own = server['localDisk'] as string | undefined;
  const volumes = [...(own === undefined ? [] : [own]), ...(server['volumes'] as readonly string[])];
  // Once, for all volumes of the guest: what it writes between two looks would be on one of them only.
  if (volumes[0] !== undefined) emulator.site(site).part('guests').flush(volumes[0]);
  const [root, data] = volumes.map((id) => parseLog(readLog(emulator, site, id)));
  if (root === undefined || root.length === 0) return [`${String(server['name'])} at ${site}: its root volume has no log`];
  return inconsistency(root, data).map((w) => `${String(server['name'])} at ${site}: ${w}`);
}
