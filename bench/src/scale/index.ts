import type { BenchReport } from '../types.ts';
import { measureScale, type ScaleFigures } from './measure.ts';
import { scaleTable, verdicts } from './report.ts';

export interface ScaleBenchOptions {
  readonly say: (text: string) => void;
  /** Default 10, 100, 1000. */
  readonly sizes?: readonly number[];
  readonly jobs?: number;
  /** Of each site; ten make a group. */
  readonly servers?: number;
}

/** One controller, and sites from ten to a thousand: needs no lab. */
export async function scaleBench({ say, sizes = [10, 100, 1000], jobs = 100, servers = 100 }: ScaleBenchOptions): Promise<BenchReport> {
  const all: ScaleFigures[] = [];
  for (const sites of sizes) all.push(await measureScale({ sites, serversPerSite: servers, membersPerGroup: 10, jobs: Math.min(jobs, sites * Math.floor(servers / 10)), speed: 50, say }));
  return { name: 'scale', text: `${scaleTable(all)}\n\n${verdicts(all)}`, figures: all };
}
