import Table from 'cli-table3';

const line = { mid: '-', left: '+', 'left-mid': '+', right: '+', 'right-mid': '+' } as const;
const chars = {
  top: '-', 'top-mid': '+', 'top-left': '+', 'top-right': '+',
  bottom: '-', 'bottom-mid': '+', 'bottom-left': '+', 'bottom-right': '+',
  ...line, 'mid-mid': '+', middle: '|',
} as const;

/**
 * A table as the openstack client draws it: borders of ASCII, no lines between the rows.
 * @param width of the terminal; the last column is broken to fit it. Left out: as wide as it gets.
 */
export function table(headers: readonly string[], rows: readonly (readonly string[])[], width?: number): string {
  const made = new Table({
    head: [...headers],
    chars: { ...chars, left: '|', right: '|', mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
    style: { head: [], border: [], 'padding-left': 1, 'padding-right': 1 },
    ...(width !== undefined && { colWidths: fit(headers, rows, width), wordWrap: true, wrapOnWordBoundary: false }),
  });
  made.push(...rows.map((r) => [...r]));
  const lines = made.toString().split('\n');
  // cli-table3 draws the line under the head only together with those between rows.
  const border = lines[0] ?? '';
  const headHeight = Math.max(1, ...headers.map((h) => h.split('\n').length));
  if (headers.length > 0 && rows.length > 0) lines.splice(1 + headHeight, 0, border);
  return `${lines.join('\n')}\n`;
}

/** Widths with the last column made as narrow as needed (not under 20). Undefined-length terminals give no widths at all. */
function fit(headers: readonly string[], rows: readonly (readonly string[])[], width: number): (number | null)[] {
  const natural = headers.map((h, i) => 2 + Math.max(...[h, ...rows.map((r) => r[i] ?? '')].flatMap((cell) => cell.split('\n').map((l) => l.length))));
  const total = natural.reduce((a, b) => a + b + 1, 1);
  const last = natural.length - 1;
  if (total > width && last >= 0) natural[last] = Math.max(20, (natural[last] ?? 0) - (total - width));
  return natural;
}
