import type { Lab } from '@godwit/lab';

export interface BenchReport {
  readonly name: string;
  /** The table, as printed. */
  readonly text: string;
  readonly figures: unknown;
}

export type Bench = (lab: Lab, options: { readonly say: (text: string) => void; readonly rounds?: number }) => Promise<BenchReport>;

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[half] ?? 0) : ((sorted[half - 1] ?? 0) + (sorted[half] ?? 0)) / 2;
};

export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, n) => Math.max(...rows.map((r) => (r[n] ?? '').length)));
  return rows.map((r) => r.map((c, n) => (n === 0 ? c.padEnd(widths[n] ?? 0) : c.padStart(widths[n] ?? 0))).join('  ')).join('\n');
}
