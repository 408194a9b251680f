import type { Component, SiteContext } from '../engine/types.ts';
import { listedUp } from './common.ts';

const qemuConf = [
  'user = "root"', 'group = "root"', 'dynamic_ownership = 0', 'remember_owner = 0', 'security_driver = "none"', 'security_default_confined = 0',
  'namespaces = []', 'cgroup_controllers = []', 'stdio_handler = "file"', '',
].join('\n');

export const libvirt: Component = {
  name: 'libvirt',
  files(facts) {
    const uuid = facts.secrets.uuid(`${facts.site.name}/ceph`);
    return [
      { path: '/etc/libvirt/qemu.conf', content: qemuConf },
      {
        path: '/etc/libvirt/libvirtd.conf',
        content: [
          'unix_sock_group = "libvirt"', 'unix_sock_rw_perms = "0770"', 'auth_unix_ro = "none"', 'auth_unix_rw = "none"',
          `host_uuid = "${facts.secrets.uuid(`${facts.site.name}/host`)}"`, 'log_outputs = "2:stderr"', '',
        ].join('\n'),
      },
      { path: '/etc/machine-id', content: `${facts.secrets.uuid(`${facts.site.name}/machine`).replaceAll('-', '')}\n` },
      {
        path: `/etc/libvirt/secrets/${uuid}.xml`,
        mode: 0o600,
        content: `<secret ephemeral='no' private='no'><uuid>${uuid}</uuid><usage type='ceph'><name>client.admin</name></usage></secret>\n`,
      },
    ];
  },
  init: [
    {
      // libvirt's own store of a secret's value: so it never appears in a process list.
      name: 'libvirt-secret',
      needs: ['ceph-cluster'],
      async run({ execOk, write, secrets, site }) {
        const key = (await execOk(['ceph-authtool', '/etc/ceph/ceph.client.admin.keyring', '--name', 'client.admin', '--print-key'])).trim();
        write({ path: `/etc/libvirt/secrets/${secrets.uuid(`${site.name}/ceph`)}.base64`, mode: 0o600, content: key });
      },
    },
  ],
  services: [
    {
      name: 'libvirtd',
      needs: ['libvirt-secret'],
      command: () => ['libvirtd'],
      async ready({ exec }) {
        const { code, stderr } = await exec(['virsh', '-c', 'qemu:///system', 'version'], { timeoutMs: 8000 });
        return code === 0 ? undefined : stderr.trim();
      },
    },
    {
      name: 'nova-compute',
      user: 'nova',
      needs: ['libvirtd', 'rabbitmq', 'nova-api', 'nova-conductor', 'placement-api', 'neutron-ovs-agent'],
      command: () => ['nova-compute', '--config-file', '/etc/nova/nova-compute.conf'],
      ready: computeReady,
      timeoutS: 180,
    },
  ],
};

/** Up, listed as a hypervisor, and mapped to its cell (without which the scheduler does not see it). */
async function computeReady(context: SiteContext, startedAt: Date): Promise<string | undefined> {
  const down = await listedUp('compute', 'nova-compute', ({ site }) => site.hypervisor)(context, startedAt);
  if (down !== undefined) return down;
  const { hypervisors } = await context.api.call('compute', 'GET', '/v2.1/os-hypervisors');
  return Array.isArray(hypervisors) && hypervisors.length > 0 ? undefined : 'not mapped to its cell yet';
}
