import { expect, test } from 'vitest';
import { parseGuestConsole } from './console.ts';

const boot = (n0: number, n1: number | 'none') => [
  '\r\nSYSLINUX 6.04 20250413\r\n\u001b[0mGUEST init up=3.31',
  'GUEST disk data0=/dev/vda1',
  'GUEST ip dev=eth0 mac=fa:16:3e:aa:bb:01 addr=10.0.2.15/24',
  `GUEST writer resumes n0=${n0} n1=${n1}`,
  `GUEST ready up=6.05 n=${n0 + 1}`,
  '',
].join('\r\n');

test('a boot is read: ready, addresses, what the writer found', () => {
  const seen = parseGuestConsole(boot(7, 6));
  expect(seen).toMatchObject({ ready: true, readyS: 6.05, boots: 1, resumes: [{ n0: 7, n1: 6 }], errors: [], gaps: [] });
  expect(seen.addresses).toEqual([{ dev: 'eth0', mac: 'fa:16:3e:aa:bb:01', address: '10.0.2.15' }]);
});

test('ready speaks of the latest boot only', () => {
  const seen = parseGuestConsole(`${boot(0, 0)}GUEST tick n=100 up=11.20\r\nGUEST init up=3.2\r\n`);
  expect(seen).toMatchObject({ ready: false, readyS: undefined, boots: 2, ticks: [{ n: 100, upS: 11.2 }] });
});

test('gaps carry the times that the guest measured', () => {
  const text = 'GUEST GAP n=462 from=29.32 to=33.05 ms=3730 epoch=1795367271.123456\n';
  expect(parseGuestConsole(text).gaps).toEqual([{ n: 462, fromS: 29.32, toS: 33.05, ms: 3730, epochS: 1795367271.123456 }]);
});

test('a guest without a data disk has no n1', () => {
  expect(parseGuestConsole(boot(0, 'none')).resumes).toEqual([{ n0: 0, n1: undefined }]);
});

test('errors are collected; cut and foreign lines are passed over', () => {
  const text = 'EST tick n=1 up=2\n[ 3.1] EXT4-fs error\nGUEST ERR mount data1 /dev/vdb\r\nGUEST GAP n=46';
  expect(parseGuestConsole(text)).toMatchObject({ errors: ['mount data1 /dev/vdb'], gaps: [], ticks: [] });
});
