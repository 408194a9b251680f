export interface InvariantReport {
  ok: boolean;
  /** Last number in each log; 0 when it has no whole line. */
  n0: number;
  n1: number;
  /** What is wrong, the first 20 findings. */
  violations: string[];
}

const maxViolations = 20;
const linePattern = /^([1-9]\d*) (\d+\.\d+) (\d+(?:\.\d+)?)$/;

/**
 * Checks the two logs of a guest (root disk, data disk) as they lay on its disks at one instant. The writer puts `n uptime epoch` on the root disk,
 * then the same line on the data disk, each before the next begins; so:
 * each log counts up by one without holes or repeats, n1 <= n0 <= n1+1, and a number has the same line in both (else they come from two histories).
 * A last line without a newline is what a power cut leaves: it does not count.
 */
export function checkInvariant(log0Text: string, log1Text: string): InvariantReport {
  const violations: string[] = [];
  const log0 = readLog('log0', log0Text, violations);
  const log1 = readLog('log1', log1Text, violations);
  const { last: n0 } = log0;
  const { last: n1 } = log1;
  if (n0 < n1) violations.push(`log0 ends at ${n0}, log1 at ${n1}: the data disk is ahead of the root disk`);
  if (n0 > n1 + 1) violations.push(`log0 ends at ${n0}, log1 at ${n1}: the data disk is ${n0 - n1} writes behind the root disk`);
  let differing = 0;
  for (const [n, line] of log1.lines) {
    const other = log0.lines.get(n);
    if (other !== line && (other !== undefined || n <= n0) && ++differing === 1) {
      violations.push(`line ${n} differs: log0 ${other === undefined ? 'has none' : `"${other}"`}, log1 "${line}"`);
    }
  }
  if (differing > 1) violations.push(`${differing} lines differ in all`);
  const first0 = log0.lines.keys().next().value;
  const first1 = log1.lines.keys().next().value;
  if (first0 !== undefined && first1 !== undefined && first0 !== first1) violations.push(`log0 begins at ${first0}, log1 at ${first1}`);
  return { ok: violations.length === 0, n0, n1, violations: violations.slice(0, maxViolations) };
}

/** Takes the answer of the guest's `/cgi-bin/log?both` apart. */
export function splitLogs(text: string): { log0: string; log1: string } {
  const mark = '--- data1\n';
  const at = text.indexOf(mark); // not only at the start of a line: the last one of log0 may be torn
  if (at < 0) throw new SyntaxError(`no line "${mark.trim()}" in ${text.length} characters of logs: the answer is cut short`);
  return { log0: text.slice(0, at), log1: text.slice(at + mark.length) };
}

function readLog(name: string, text: string, violations: string[]): { last: number; lines: Map<number, string> } {
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  const lines = new Map<number, string>();
  let last = 0;
  let at = 0;
  for (const line of whole.split('\n').slice(0, -1)) {
    at += 1;
    const n = Number(linePattern.exec(line)?.[1]);
    if (Number.isNaN(n)) {
      violations.push(`${name} line ${at} is not a line of the writer: ${JSON.stringify(line.slice(0, 60))}`);
      continue;
    }
    if (lines.size > 0 && n !== last + 1) violations.push(`${name} line ${at}: ${n} follows ${last}`);
    if (!lines.has(n)) lines.set(n, line);
    last = n;
  }
  return { last, lines };
}
