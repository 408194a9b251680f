import type { InvariantReport } from '../guest/index.ts';

export interface PointReport {
  readonly id: string;
  readonly sequence: number;
  readonly incremental: boolean;
  readonly frozenAt: string;
  /** First freeze sent to last thaw confirmed, by the controller. */
  readonly freezeWindowMs: number;
  readonly groupSnapshotMs: number;
  /** How long each member's writer stood still, by its own clock; 0 when it noticed nothing (under 200 ms). */
  readonly guestFreezeMs: Readonly<Record<string, number>>;
  /** What the backup target grew by. */
  readonly bytesBackedUp: number;
  /** The whole protect. */
  readonly seconds: number;
  /** Where the writers were before: the point holds at least that. */
  readonly writers: readonly number[];
}

export interface MemberReport {
  readonly name: string;
  readonly ok: boolean;
  readonly mac: string;
  readonly ip: string;
  readonly sameMac: boolean;
  readonly sameIp: boolean;
  /** Left out where there is nothing to ping: emulated guests have no network. */
  readonly answersPing?: boolean;
  /** Last numbers that the writer found on the root and data disks when it came back. */
  readonly resumedAt: { readonly n0: number; readonly n1: number };
  /** n1 <= n0 <= n1 + 1 */
  readonly consistent: boolean;
  readonly holdsProtectedData: boolean;
  /** Writes between the recovery point and the last that was seen before the power cut. */
  readonly lostWrites: number;
  readonly logs: InvariantReport;
  readonly guestErrors: readonly string[];
}

export interface StoryReport {
  readonly ok: boolean;
  readonly points: readonly PointReport[];
  readonly members: readonly MemberReport[];
  readonly bootedInOrder: boolean;
  /** Age of the recovered data when the recovery was asked for. */
  readonly rpoSeconds: number;
  /** From the request to the last member being ACTIVE. */
  readonly rtoSeconds: number;
  /** From the power cut to both members' writers going on. */
  readonly writersBackSeconds: number;
  readonly sourceFenced: boolean;
  /** Left out where the controller shares its process with others. */
  readonly controllerResidentMiB?: number;
  readonly seconds: number;
  /** Where the application was recovered; default site2. */
  readonly recoverySite?: string;
  /** The sites were emulated, and worked so many times faster than real ones. */
  readonly emulated?: { readonly speed: number };
}

export function storyText(report: StoryReport): string {
  const yes = (b: boolean): string => (b ? 'yes' : 'NO');
  const rows: [string, string][] = [];
  for (const p of report.points) {
    const guests = Object.entries(p.guestFreezeMs).map(([name, ms]) => `${name} ${ms === 0 ? 'under 200' : ms} ms`).join(', ');
    rows.push([`Recovery point ${p.sequence} (${p.incremental ? 'incremental' : 'full'})`, '']);
    rows.push(['  freeze window, controller', `${p.freezeWindowMs} ms (group snapshot ${p.groupSnapshotMs} ms)`]);
    rows.push(['  freeze window, guests', guests]);
    rows.push(['  backed up', `${(p.bytesBackedUp / 1e6).toFixed(1)} MB in ${p.seconds.toFixed(1)} s`]);
  }
  for (const m of report.members) {
    rows.push([`Member ${m.name} at ${report.recoverySite ?? 'site2'}`, m.ok ? 'good' : 'NOT GOOD']);
    if (m.answersPing === undefined) rows.push(['  same MAC, same IP', `${yes(m.sameMac)}, ${yes(m.sameIp)}`]);
    else rows.push(['  same MAC, same IP, answers ping', `${yes(m.sameMac)}, ${yes(m.sameIp)}, ${yes(m.answersPing)}`]);
    rows.push(['  writer resumed at (root, data)', `${m.resumedAt.n0}, ${m.resumedAt.n1}; consistent: ${yes(m.consistent && m.logs.ok)}`]);
    rows.push(['  writes lost since the point', String(m.lostWrites)]);
    for (const v of m.logs.violations) rows.push(['  violation', v]);
  }
  rows.push(['Booted in order', yes(report.bootedInOrder)]);
  rows.push(['RPO (age of the data)', `${report.rpoSeconds.toFixed(1)} s`]);
  rows.push(['RTO (request to all members ACTIVE)', `${report.rtoSeconds.toFixed(1)} s`]);
  rows.push(['Power cut to both writers going on', `${report.writersBackSeconds.toFixed(1)} s`]);
  if (report.controllerResidentMiB !== undefined) rows.push(['Controller resident', `${report.controllerResidentMiB} MiB`]);
  const width = Math.max(...rows.map(([k]) => k.length)) + 2;
  return rows.map(([k, v]) => `${k.padEnd(width)}${v}`.trimEnd()).join('\n');
}

/** What `godwit protect` and `godwit recover` answer, as far as the story tells it. */
export interface Point {
  readonly id: string;
  readonly sequence: number;
  readonly incremental: boolean;
  readonly freezeWindowMs: number;
  readonly groupSnapshotMs: number;
  readonly frozenAt: string;
}

export interface Recovered {
  readonly servers: readonly { readonly name: string; readonly id: string; readonly bootedAt: string }[];
  readonly rpoSeconds: number;
  readonly rtoSeconds: number;
  readonly sourceFenced: boolean;
}
