import { describe, expect, test } from 'vitest';
import { checkInvariant, splitLogs } from './invariant.ts';

const line = (n: number, epoch = 1795367200 + n) => `${n} ${(n / 20).toFixed(2)} ${epoch}.123456\n`;
const log = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => line(from + i)).join('');

describe('checkInvariant', () => {
  test.each([
    ['both empty', '', '', 0, 0],
    ['both at the same number', log(1, 9), log(1, 9), 9, 9],
    ['stopped between the two writes', log(1, 9), log(1, 8), 9, 8],
    ['stopped in the very first pair', log(1, 1), '', 1, 0],
    ['torn last line on the root disk', `${log(1, 9)}10 0.5`, log(1, 9), 9, 9],
    ['zeros at the end of the data disk', log(1, 9), `${log(1, 8)}\0\0\0\0`, 9, 8],
  ])('holds: %s', (_name, log0, log1, n0, n1) => {
    expect(checkInvariant(log0, log1)).toEqual({ ok: true, n0, n1, violations: [] });
  });

  test.each([
    ['data disk ahead', log(1, 8), log(1, 9), 'ahead of the root disk'],
    ['data disk behind', log(1, 9), log(1, 7), '2 writes behind'],
    ['a hole', log(1, 4) + log(6, 9), log(1, 9), 'log0 line 5: 6 follows 4'],
    ['a repeat', log(1, 5) + log(5, 9), log(1, 9), 'log0 line 6: 5 follows 5'],
    ['zeros inside', `${log(1, 4)}\0\0\0\0${log(5, 9)}`, log(1, 9), 'log0 line 5 is not a line of the writer'],
    ['a torn line inside', `${log(1, 4)}5 0.2\n${log(5, 9)}`, log(1, 9), 'log0 line 5 is not a line of the writer'],
    ['two histories', log(1, 9), log(1, 8) + line(9, 1), 'line 9 differs'],
    ['a data disk that was emptied', log(1, 9), log(6, 9), 'log0 begins at 1, log1 at 6'],
  ])('is broken: %s', (_name, log0, log1, finding) => {
    const report = checkInvariant(log0, log1);
    expect(report.ok).toBe(false);
    expect(report.violations.join('\n')).toContain(finding);
  });

  test('reports no more than a page', () => {
    expect(checkInvariant('rubbish\n'.repeat(1000), '').violations).toHaveLength(20);
  });
});

describe('splitLogs', () => {
  test.each([[log(1, 3), log(1, 2)], ['', ''], [`${log(1, 3)}4 0.`, log(1, 3)]])('finds both logs again', (log0, log1) => {
    expect(splitLogs(`${log0}--- data1\n${log1}`)).toEqual({ log0, log1 });
  });

  test('refuses an answer that was cut short', () => {
    expect(() => splitLogs(log(1, 3))).toThrow('cut short');
  });
});
