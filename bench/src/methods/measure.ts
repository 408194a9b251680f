import { eventually, longestGapMs, writerAt, type Lab, type VnfMember } from '@godwit/lab';

const site1Only = (lab: Lab): string[] => ['-s', lab.sites.find((s) => s.name === 'site1')?.ip ?? ''];

/** Bytes that reach site2 from site1 from now on: a rule in its packet filter that only counts. */
export async function countWan(lab: Lab): Promise<() => Promise<number>> {
  const rule = site1Only(lab);
  await lab.exec('site2', ['sh', '-c', 'while iptables -w -D INPUT "$@" 2>/dev/null; do :; done; iptables -w -I INPUT "$@"', 'sh', ...rule]);
  return async () => {
    const { stdout, code } = await lab.exec('site2', ['iptables', '-w', '-nvxL', 'INPUT']);
    const line = stdout.split('\n').find((l) => l.includes(rule[1] ?? ''));
    const bytes = Number(line?.trim().split(/\s+/)[1]);
    if (code !== 0 || !Number.isFinite(bytes)) throw new Error('site2 does not count what comes from site1');
    await lab.exec('site2', ['iptables', '-w', '-D', 'INPUT', ...rule]);
    return bytes;
  };
}

/** What lies on the backup target: both sites mount the same directory. */
export async function storedBytes(lab: Lab): Promise<number> {
  const { stdout } = await lab.exec('site2', ['du', '-s', '--block-size=1', '/var/lib/cinder/backups']);
  return Number(stdout.split('\t')[0]);
}

const writers = (lab: Lab, members: readonly VnfMember[]): Promise<number[]> => Promise.all(members.map((m) => writerAt(lab, 'site1', m.ip)));

export interface Cost<T> {
  readonly value: T;
  readonly stallMs: number;
  readonly storedBytes: number;
  readonly wanBytes: number;
}

/** One point, with all that it cost beside time. */
export async function costOf<T>(lab: Lab, members: readonly VnfMember[], work: () => Promise<T>): Promise<Cost<T>> {
  const before = await writers(lab, members);
  const stored = await storedBytes(lab);
  const wan = await countWan(lab);
  const value = await work();
  const wanBytes = await wan();
  // A stall is printed by the write that follows it.
  await eventually('the writers to go on', async () => (await writers(lab, members)).every((n, i) => n > (before[i] ?? 0) + 20));
  return { value, wanBytes, storedBytes: (await storedBytes(lab)) - stored, stallMs: Math.max(...members.map((m, i) => longestGapMs(lab, 'site1', m.id, before[i] ?? 0))) };
}
