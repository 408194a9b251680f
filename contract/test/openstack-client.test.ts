import { startEmulator, type Emulator } from '@godwit/emulator';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clientTree, type OpenStackClient, startClient } from '../src/openstack-client.ts';

type Row = Record<string, unknown>;

/** The lab's own client against the lab proves nothing about the emulator. */
const here = process.env['GODWIT_CONTRACT_TARGET'] !== 'lab';

describe.runIf(here)('Debian’s openstack client, against an emulated site', () => {
  let emulator: Emulator;
  let client: OpenStackClient;
  let root: OpenStackClient;

  beforeAll(async () => {
    const tree = clientTree();
    if (tree === undefined) throw new Error('python3-openstackclient is not on this machine: the lab’s package tree has it (`npm run lab -- build`), and there is none');
    emulator = await startEmulator({ topology: fileURLToPath(new URL('../../lab/topologies/two-site.yaml', import.meta.url)), speed: 100 });
    const as = (name: string): OpenStackClient => {
      const entry = emulator.clouds()[name];
      if (!entry) throw new Error(`no cloud ${name}`);
      const { auth } = entry;
      return startClient(tree, {
        OS_AUTH_URL: auth.auth_url, OS_USERNAME: auth.username, OS_PASSWORD: auth.password, OS_PROJECT_NAME: auth.project_name,
        OS_USER_DOMAIN_NAME: auth.user_domain_name, OS_PROJECT_DOMAIN_NAME: auth.project_domain_name, OS_IDENTITY_API_VERSION: '3', OS_REGION_NAME: entry.region_name, OS_VOLUME_API_VERSION: '3',
      });
    };
    client = as('site1');
    root = as('site1-admin');
  });
  afterAll(async () => {
    await Promise.all([client.close(), root.close()]);
    await emulator.close();
  });

  const list = async (...args: string[]): Promise<unknown[]> => ((await client.json(...args)) as Row[]).map((row) => row['Name']);
  const show = async (...args: string[]): Promise<Row> => (await client.json(...args)) as Row;
  const settled = (what: string[], field: string, wanted: string): Promise<void> => expect.poll(async () => (await show(...what, '-c', field))[field], { interval: 50, timeout: 20_000 }).toBe(wanted);
  const done = async (...args: string[]): Promise<void> => {
    const { code, err } = await client.run(...args);
    expect({ code, err }).toEqual({ code: 0, err: '' });
  };
  const gone = async (...what: string[]): Promise<void> => {
    await expect.poll(async () => (await client.run(...what)).code, { interval: 50, timeout: 20_000 }).not.toBe(0);
  };

  it('token issue, catalog list', async () => {
    expect(await show('token', 'issue')).toMatchObject({ id: expect.stringMatching(/^gAAAAA/) as unknown, project_id: expect.stringMatching(/^[0-9a-f]{32}$/) as unknown });
    expect(await client.json('catalog', 'list')).toEqual(expect.arrayContaining(['identity', 'compute', 'image', 'network', 'placement', 'block-storage', 'volumev3'].map((type) => expect.objectContaining({ Type: type }) as unknown)));
  });

  it('keypair', async () => {
    const { code, out } = await client.run('keypair', 'create', 'k1');
    expect([code, out]).toEqual([0, expect.stringContaining('PRIVATE KEY')]);
    expect(await list('keypair', 'list')).toEqual(['k1']);
    expect(await show('keypair', 'show', 'k1')).toMatchObject({ name: 'k1', type: 'ssh' });
    await done('keypair', 'delete', 'k1');
    expect(await list('keypair', 'list')).toEqual([]);
  });

  it('image', async () => {
    expect(await show('image', 'create', 'i1', '--disk-format', 'raw', '--container-format', 'bare', '--file', '/etc/debian_version')).toMatchObject({ name: 'i1' });
    await settled(['image', 'show', 'i1'], 'status', 'active');
    expect(await list('image', 'list')).toEqual(expect.arrayContaining(['i1', 'godwit-guest']));
    await done('image', 'delete', 'i1');
    await gone('image', 'show', 'i1');
  });

  it('network, subnet, port, security group', async () => {
    await show('network', 'create', 'n1');
    await show('subnet', 'create', 'sub1', '--network', 'n1', '--subnet-range', '10.9.0.0/24');
    await show('security', 'group', 'create', 'sg1');
    await show('security', 'group', 'rule', 'create', 'sg1', '--protocol', 'tcp', '--dst-port', '22');
    expect(await show('port', 'create', 'p1', '--network', 'n1', '--fixed-ip', 'subnet=sub1,ip-address=10.9.0.7', '--security-group', 'sg1')).toMatchObject({ name: 'p1', fixed_ips: [{ ip_address: '10.9.0.7' }] });
    expect(await list('network', 'list')).toContain('n1');
    expect(await list('port', 'list')).toContain('p1');
    expect(await list('security', 'group', 'list')).toEqual(expect.arrayContaining(['default', 'sg1']));
    expect((await show('security', 'group', 'show', 'sg1'))['rules']).toHaveLength(3);
    expect(await show('network', 'show', 'n1')).toMatchObject({ name: 'n1', status: 'ACTIVE' });
    expect(await show('port', 'show', 'p1')).toMatchObject({ mac_address: expect.stringMatching(/^fa:16:3e:/) as unknown });
    for (const what of [['port', 'p1'], ['security', 'group', 'sg1'], ['subnet', 'sub1'], ['network', 'n1']]) {
      const name = what.pop() ?? '';
      await done(...what, 'delete', name);
      await gone(...what, 'show', name);
    }
  });

  it('volume, snapshot, backup', async () => {
    expect(await show('volume', 'create', 'v1', '--size', '1', '--type', 'ceph')).toMatchObject({ name: 'v1', size: 1 });
    await settled(['volume', 'show', 'v1'], 'status', 'available');
    await show('volume', 'snapshot', 'create', 's1', '--volume', 'v1');
    await settled(['volume', 'snapshot', 'show', 's1'], 'status', 'available');
    await show('volume', 'backup', 'create', 'v1', '--name', 'b1');
    await settled(['volume', 'backup', 'show', 'b1'], 'status', 'available');
    expect([await list('volume', 'list'), await list('volume', 'snapshot', 'list'), await list('volume', 'backup', 'list')]).toEqual([['v1'], ['s1'], ['b1']]);
    for (const what of [['volume', 'backup', 'b1'], ['volume', 'snapshot', 's1'], ['volume', 'v1']]) {
      const name = what.pop() ?? '';
      await done(...what, 'delete', name);
      await gone(...what, 'show', name);
    }
  });

  it('server: on a volume and a port; stopped, started, locked, deleted', async () => {
    await show('volume', 'create', 'root', '--size', '1', '--image', 'godwit-guest', '--bootable');
    await settled(['volume', 'show', 'root'], 'status', 'available');
    await show('port', 'create', 'sp', '--network', 'vnf-net');
    await show('server', 'create', 'web', '--flavor', 'vnf.small', '--volume', 'root', '--port', 'sp', '--wait');
    expect(await client.json('server', 'list')).toMatchObject([{ Name: 'web', Status: 'ACTIVE', Networks: { 'vnf-net': [expect.stringMatching(/^192\.168\.50\./)] } }]);
    expect(await show('server', 'show', 'web')).toMatchObject({ status: 'ACTIVE', 'OS-EXT-STS:vm_state': 'active' });
    await done('server', 'stop', 'web');
    await settled(['server', 'show', 'web'], 'status', 'SHUTOFF');
    await done('server', 'start', 'web');
    await settled(['server', 'show', 'web'], 'status', 'ACTIVE');
    expect(await root.run('server', 'lock', String((await show('server', 'show', 'web'))['id']))).toMatchObject({ code: 0 });
    expect(await client.run('server', 'stop', 'web')).toMatchObject({ code: 1, err: expect.stringContaining('is locked') as unknown });
    expect(await root.run('server', 'unlock', String((await show('server', 'show', 'web'))['id']))).toMatchObject({ code: 0 });
    expect(await show('server', 'image', 'create', 'web', '--name', 'img')).toMatchObject({ name: 'img' });
    await done('server', 'delete', 'web', '--wait');
    expect(await list('server', 'list')).toEqual([]);
    await settled(['volume', 'show', 'root'], 'status', 'available');
  });

  it('an administrator sees hosts, services and users', async () => {
    expect(await root.json('compute', 'service', 'list')).toEqual(expect.arrayContaining([expect.objectContaining({ Binary: 'nova-compute', Host: 'site1-c1', State: 'up' })]));
    expect(await root.json('hypervisor', 'list')).toHaveLength(1);
    expect(await root.json('volume', 'service', 'list')).toEqual(expect.arrayContaining([expect.objectContaining({ Binary: 'cinder-backup' })]));
    expect((await root.json('user', 'list')) as Row[]).toEqual(expect.arrayContaining([expect.objectContaining({ Name: 'tenant' })]));
    expect(await root.json('role', 'assignment', 'list', '--names', '--user', 'tenant')).toMatchObject([{ Role: 'member', Project: 'vnf@Default' }]);
  });
});
