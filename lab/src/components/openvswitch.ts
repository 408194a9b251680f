import type { Component } from '../engine/types.ts';

const vsctl = ['ovs-vsctl', '--timeout=20', '--db=unix:/run/openvswitch/db.sock'];

export const openvswitch: Component = {
  name: 'openvswitch',
  files: () => [],
  init: [],
  services: [
    {
      name: 'ovsdb',
      needs: [],
      command: () => [
        'ovsdb-server', '/var/lib/openvswitch/conf.db', '--remote=punix:/run/openvswitch/db.sock', '--remote=ptcp:6640:127.0.0.1',
        '--pidfile=/run/openvswitch/ovsdb-server.pid', '--unixctl=/run/openvswitch/ovsdb-server.ctl',
      ],
      async prepare({ execOk }) {
        await execOk(['sh', '-c', 'mkdir -p /run/openvswitch /var/lib/openvswitch; [ -s /var/lib/openvswitch/conf.db ] || ovsdb-tool create /var/lib/openvswitch/conf.db /usr/share/openvswitch/vswitch.ovsschema']);
      },
      async ready({ exec }) {
        const { code, stderr } = await exec([...vsctl, '--no-wait', 'init'], { timeoutMs: 5000 });
        return code === 0 ? undefined : stderr.trim();
      },
    },
    {
      name: 'ovs-vswitchd',
      needs: ['ovsdb'],
      command: () => ['ovs-vswitchd', 'unix:/run/openvswitch/db.sock', '--pidfile=/run/openvswitch/ovs-vswitchd.pid', '--unixctl=/run/openvswitch/ovs-vswitchd.ctl'],
      async prepare({ execOk, site }) {
        // Frames of a guest carry no TCP checksum yet; only with this does the userspace datapath fill it in, without it TCP hangs while ping works.
        const settings = ['other_config:userspace-tso-enable=true', `external_ids:system-id=${site.name}`, `external_ids:hostname=${site.hypervisor}`];
        await execOk([...vsctl, '--no-wait', 'set', 'Open_vSwitch', '.', ...settings]);
      },
      // The underlay's address sits on a bridge of its own, so that tunnels leave through the userspace datapath. Every start of the
      // daemon makes that device anew, without its address, and some time after the daemon is there: a bridge that the database
      // knows from before is nothing that ovs-vsctl would wait for.
      async ready({ exec, execOk, site }) {
        const { stdout } = await exec(['ip', '-4', 'addr', 'show', 'dev', 'br-phy', 'up'], { timeoutMs: 5000 });
        if (stdout.includes(`inet ${site.underlayIp}/`)) return undefined;
        await execOk([...vsctl, '--may-exist', 'add-br', 'br-phy', '--', 'set', 'bridge', 'br-phy', 'datapath_type=netdev', 'fail_mode=standalone', '--', '--may-exist', 'add-port', 'br-phy', 'eth1']);
        await execOk(['ip', 'addr', 'replace', `${site.underlayIp}/${String(site.underlayPrefixLength)}`, 'dev', 'br-phy']);
        await execOk(['ip', 'link', 'set', 'br-phy', 'up']);
        return 'the underlay bridge has only just got its address';
      },
    },
  ],
};
