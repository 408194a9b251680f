import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

// The guest's own reader of config drives, run by this machine's awk.
const script = fileURLToPath(new URL('./rootfs/lib/config.awk', import.meta.url));
const read = (want: 'net' | 'meta', input: string) => execFileSync('awk', ['-v', `want=${want}`, '-f', script], { input, encoding: 'utf8', stdio: 'pipe' }).split('\n').slice(0, -1);

const network = {
  links: [
    { id: 'tap1', vif_id: 'v1', type: 'ovs', mtu: 1442, ethernet_mac_address: 'FA:16:3E:aa:bb:01' },
    { id: 'tap2', vif_id: 'v2', type: 'ovs', mtu: null, ethernet_mac_address: 'fa:16:3e:aa:bb:02' },
  ],
  networks: [
    {
      id: 'network0', type: 'ipv4', link: 'tap1', ip_address: '10.0.2.15', netmask: '255.255.240.0', network_id: 'x', services: [],
      routes: [{ network: '0.0.0.0', netmask: '0.0.0.0', gateway: '10.0.0.1' }, { network: '10.9.0.0', netmask: '255.255.0.0', gateway: '10.0.0.2', services: [] }],
    },
    { id: 'network1', type: 'ipv4_dhcp', link: 'tap2', network_id: 'y' },
    { id: 'network2', type: 'ipv6_slaac', link: 'tap2', network_id: 'y' },
  ],
  services: [],
};
const plan = [
  'link fa:16:3e:aa:bb:01 1442',
  'link fa:16:3e:aa:bb:02 0',
  'addr fa:16:3e:aa:bb:01 10.0.2.15 20',
  'route fa:16:3e:aa:bb:01 0.0.0.0 0 10.0.0.1',
  'route fa:16:3e:aa:bb:01 10.9.0.0 16 10.0.0.2',
  'dhcp fa:16:3e:aa:bb:02',
];

test.each([['on one line', undefined], ['indented', 2]])('network data %s becomes a plan', (_name, indent) => {
  expect(read('net', JSON.stringify(network, null, indent))).toEqual(plan);
});

test('quotes, braces and commas inside strings do not matter', () => {
  const odd = { ...network, services: [{ address: 'a "quoted\\" ], } , { [' }] };
  expect(read('net', JSON.stringify(odd))).toEqual(plan);
});

test('no links at all is an error, not an empty plan', () => {
  expect(() => read('net', 'null')).toThrow();
});

test('metadata gives name and uuid', () => {
  const meta = { uuid: '83679162-1378-4288-a2d4-70e13ec132aa', random_seed: 'Zm9v'.repeat(170), meta: { name: 'inner' }, name: 'vm-a' };
  expect(read('meta', JSON.stringify(meta))).toEqual(['vm-a 83679162-1378-4288-a2d4-70e13ec132aa']);
  expect(read('meta', '{}')).toEqual(['- -']);
});
