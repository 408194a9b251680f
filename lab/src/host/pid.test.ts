import { describe, expect, it } from 'vitest';

import { formatPidFile, identify, isAlive, parsePidFile, processState, startTimeOf } from './pid.ts';

const stat = '42 (a (strange) name) S 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 1000 2';

describe('process identity', () => {
  it('reads state and start time past a name with parentheses', () => {
    expect(startTimeOf(stat)).toBe('987654');
    expect(processState(stat)).toBe('S');
  });

  it('knows this process, and not one with its number but another start time', () => {
    const self = identify(process.pid);
    expect(self).toBeDefined();
    if (!self) return;
    expect(isAlive(self)).toBe(true);
    expect(isAlive({ pid: self.pid, startTime: '1' })).toBe(false);
    expect(parsePidFile(formatPidFile(self))).toEqual(self);
  });

  it('takes a torn pid file for none', () => {
    expect(parsePidFile('')).toBeUndefined();
    expect(parsePidFile('12')).toBeUndefined();
    expect(parsePidFile('12 ')).toBeUndefined();
  });
});
