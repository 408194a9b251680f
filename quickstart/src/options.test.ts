import { describe, expect, it } from 'vitest';
import { readOptions } from './options.ts';
import { lastNumber, longestGapMs } from './writers.ts';

describe('what is asked for', () => {
  it('has sensible defaults', () => {
    expect(readOptions([])).toMatchObject({ once: false, json: false, speed: 8, port: 0, emulatorPort: 0, faults: [] });
    expect(readOptions(['--fault', 'latency,site=site2,ms=200', '--fault', 'cut,between=site1+site2']).faults).toEqual([{ kind: 'latency', site: 'site2', ms: 200 }, { kind: 'cut', between: ['site1', 'site2'] }]);
  });

  it.each([
    [['--fault', 'meteor'], /there is no fault "meteor"; faults: latency, error/],
    [['--fault', 'latency,ms'], /fault latency: "ms" is not FIELD=VALUE/],
    [['--port', '99999'], /--port takes a port from 0 to 65535, not 99999/],
    [['--speed', 'fast'], /--speed takes a number from 0\.1 to 10000, not fast/],
    [['--twice'], /--twice/],
  ])('%j is refused in one sentence', (argv, why) => {
    expect(() => readOptions(argv)).toThrow(why);
  });
});

it('a writer’s log tells its last number and its longest pause', () => {
  const log = '1 0.10 1.0\n2 0.12 1.0\n3 0.52 1.0\n4 0.54 1.0\n5 0.5';
  expect([lastNumber(log), longestGapMs(log, 0), longestGapMs(log, 3), lastNumber('')]).toEqual([4, 400, 20, 0]);
});
