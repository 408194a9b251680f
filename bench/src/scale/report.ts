import { table } from '../types.ts';
import { percentile } from './api.ts';
import type { ScaleFigures, Times } from './measure.ts';

const ms = ({ p50, p99 }: Times): string => `${p50.toFixed(1)} / ${p99.toFixed(1)}`;
const both = (by: Readonly<Record<string, Times>>, kind: string): string => (by[kind] ? ms(by[kind]) : '-');
const seconds = (value: number): string => (value / 1000).toFixed(1);
const jobs = ({ succeeded, failed }: ScaleFigures['protect'] | ScaleFigures['recover']): string => `${String(succeeded)}${Object.keys(failed).length > 0 ? ` (${Object.entries(failed).map(([code, n]) => `${String(n)} ${code}`).join(', ')})` : ''}`;

/** Columns are the sizes, so that growth shows. */
export function scaleTable(all: readonly ScaleFigures[]): string {
  const row = (name: string, of: (f: ScaleFigures) => string): string[] => [name, ...all.map(of)];
  const kinds = Object.keys(all[0]?.api.idle ?? {});
  return table([
    row('sites', (f) => String(f.sites)),
    row('groups', (f) => String(f.groups)),
    row('servers', (f) => String(f.servers)),
    row('controller: all sites seen up after, s', (f) => seconds(f.allUpMs)),
    row('controller memory at rest, MiB', (f) => f.rss.idle.toFixed(0)),
    row('controller memory at most, MiB', (f) => f.rss.most.toFixed(0)),
    row('PostgreSQL memory (PSS), MiB', (f) => f.postgresMiB.toFixed(0)),
    row('controller at rest, % of a core', (f) => (f.idleCpu * 100).toFixed(1)),
    ...kinds.map((kind) => row(`${kind}, p50 / p99 ms`, (f) => both(f.api.idle, kind))),
    ...kinds.map((kind) => row(`${kind}, while protecting`, (f) => both(f.api.busy, kind))),
    row('create a group, p50 / p99 ms', (f) => ms(f.createGroupMs)),
    row('protected', (f) => jobs(f.protect)),
    row('protects per minute', (f) => f.protect.perMinute.toFixed(0)),
    row('controller CPU of a protect, s', (f) => f.protect.cpuPerJob.toFixed(2)),
    row('recovered', (f) => jobs(f.recover)),
    row('recovery of all of them, s', (f) => seconds(f.recover.ms)),
    row('controller CPU of a recovery, s', (f) => f.recover.cpuPerJob.toFixed(2)),
    row('dead site noticed (reset), at most s', (f) => seconds(Math.max(...f.noticed.reset))),
    row('dead site noticed (silent), at most s', (f) => seconds(Math.max(...f.noticed.hang))),
  ]);
}

/** What the aims say, of the largest size. */
export function verdicts(all: readonly ScaleFigures[]): string {
  const last = all.at(-1);
  const first = all[0];
  if (!last || !first) return '';
  const p99 = percentile(Object.values(last.api.idle).map((t) => t.p99), 100);
  const perSite = last.sites > first.sites ? (last.rss.idle - first.rss.idle) / (last.sites - first.sites) : 0;
  const noticed = Math.max(...last.noticed.reset, ...last.noticed.hang);
  const say = (good: boolean, text: string): string => `${good ? 'met ' : 'MISSED'}  ${text}`;
  return [
    say(last.rss.most < 1024, `controller memory ${last.rss.most.toFixed(0)} MiB at most (aim: under 1024)`),
    say(p99 < 50, `slowest p99 of lists and shows ${p99.toFixed(1)} ms (aim: under 50)`),
    say(noticed < 15_000, `a dead site is noticed within ${seconds(noticed)} s (aim: 15)`),
    `        each further site costs ${perSite.toFixed(2)} MiB; CPU at rest ${((last.idleCpu / last.sites) * 1e5).toFixed(1)} thousandths of a % of a core a site (${((first.idleCpu / first.sites) * 1e5).toFixed(1)} with ${String(first.sites)})`,
  ].join('\n');
}
