import { table, type BenchReport } from '../types.ts';
import type { Way } from './types.ts';

const s = (n: number | undefined): string => (n === undefined ? '' : n.toFixed(1));
const mb = (n: number): string => (n / 1e6).toFixed(1);

/** Side by side, and what is aimed at. */
export function report(ways: readonly Way[]): BenchReport {
  const replication = ways.find((w) => w.method === 'replication');
  const outside = replication && replication.recovery.activeSeconds - (replication.recovery.bootSeconds ?? 0);
  const text = [
    table([
      ['', 'frozen, ms', 'longest stall, ms', 'one instant', 'counts after, s', 'RPO at worst, s', 'stored, MB', 'over the WAN, MB', 'ACTIVE, s', 'of it boots, s', 'writers go on, s'],
      ...ways.map((w) => [w.method, w.windowMs === undefined ? '' : w.windowMs.toFixed(0), w.stallMs.toFixed(0), w.atOneInstant ? 'yes' : 'no', s(w.countsSeconds), s(w.rpoSeconds), mb(w.storedBytes), mb(w.wanBytes), s(w.recovery.activeSeconds), s(w.recovery.bootSeconds), s(w.recovery.writersSeconds)]),
    ]),
    '',
    'Of a point that follows another without a pause. RPO at worst: age of the newest data that one gets back, in the moment before the point counts. Stored: on the backup',
    'target, which both sites mount. Over the WAN: what site2 got from site1 meanwhile.',
    ...(outside === undefined ? [] : [`Method replication’s recovery takes ${outside.toFixed(1)} s beside the boots (aim: at most 15).`]),
  ].join('\n');
  return { name: 'methods', text, figures: { ways, replicationBesideBoots: outside } };
}
