import { expect, it } from 'vitest';
import { defaultPools, parseCidr, toNumber, toText } from './addresses.ts';

it.each([['10.0.0.1', 4], ['255.255.255.255', 4], ['::1', 6], ['fe80::1:0:0:2', 6], ['2001:db8::', 6], ['1:2:3:4:5:6:7:8', 6]] as const)('%s is the same after being a number', (ip, version) => {
  expect(toText(toNumber(ip), version)).toBe(ip);
});

it('a subnet’s own addresses and its gateway are not given to ports', () => {
  const range = parseCidr('10.0.0.0/29');
  expect(defaultPools(range, toNumber('10.0.0.1'))).toEqual([{ start: '10.0.0.2', end: '10.0.0.6' }]);
  expect(defaultPools(range, toNumber('10.0.0.4'))).toEqual([{ start: '10.0.0.1', end: '10.0.0.3' }, { start: '10.0.0.5', end: '10.0.0.6' }]);
  expect(defaultPools(range, undefined)).toEqual([{ start: '10.0.0.1', end: '10.0.0.6' }]);
  expect(() => parseCidr('10.0.0.1/29')).toThrow(/10\.0\.0\.0\/29' is recommended/);
  expect(() => parseCidr('10.0.0/24')).toThrow(/not a valid IP subnet/);
});
