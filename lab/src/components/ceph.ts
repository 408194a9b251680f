import { ini } from '../engine/ini.ts';
import type { Component, SiteContext, SiteFacts } from '../engine/types.ts';

const adminKeyring = '/etc/ceph/ceph.client.admin.keyring';
const fsid = ({ site, secrets }: SiteFacts): string => secrets.uuid(`${site.name}/ceph`);

/** A cluster of one monitor, one manager and one OSD on a sparse file, trimmed to be small and quick rather than safe. */
const conf = (facts: SiteFacts): string =>
  ini({
    global: {
      fsid: fsid(facts),
      mon_host: `[v2:${facts.site.ip}:3300,v1:${facts.site.ip}:6789]`,
      auth_cluster_required: 'cephx', auth_service_required: 'cephx', auth_client_required: 'cephx', auth_allow_insecure_global_id_reclaim: false,
      osd_pool_default_size: 1, osd_pool_default_min_size: 1, osd_pool_default_pg_num: 8, osd_pool_default_pg_autoscale_mode: 'off',
      osd_crush_chooseleaf_type: 0, mon_allow_pool_size_one: true, mon_allow_pool_delete: true, mon_warn_on_pool_no_redundancy: false,
      ms_async_op_threads: 1, log_to_stderr: true, log_to_file: false, mon_cluster_log_to_file: false, log_max_recent: 100, debug_rocksdb: '0/0', debug_mgr: '0/0',
    },
    mon: { paxos_propose_interval: 0.1, mon_data_avail_warn: 5, mon_data_avail_crit: 2, mon_memory_target: 268435456, mon_memory_autotune: false, rocksdb_cache_size: 16777216 },
    // The manager's modules do not load in this release (a library refuses sub-interpreters); nothing here needs them.
    mgr: { mgr_module_path: '/var/lib/ceph/no-mgr-modules' },
    osd: {
      osd_objectstore: 'bluestore', bluestore_block_size: facts.topology.ceph.osdSizeGiB * 1024 ** 3, bluestore_block_wal_size: 0, bluestore_block_db_size: 0,
      bluestore_cache_autotune: false, bluestore_cache_size: 67108864, osd_op_queue: 'wpq', osd_op_num_shards: 2, osd_op_num_threads_per_shard: 1,
      osd_min_pg_log_entries: 50, osd_max_pg_log_entries: 100, osd_crush_update_on_start: true, osd_class_update_on_start: true,
    },
    client: { rbd_default_features: 61 },
  });

const run = async ({ execOk }: SiteContext): Promise<void> => {
  await execOk(['install', '-d', '-o', 'ceph', '-g', 'ceph', '/run/ceph', '/var/lib/ceph/no-mgr-modules']);
};

const keyrings: readonly (readonly [file: string, name: string, ...caps: string[]])[] = [
  [adminKeyring, 'client.admin', 'mon', 'allow *', 'osd', 'allow *', 'mgr', 'allow *', 'mds', 'allow *'],
  ['/var/lib/ceph/osd/ceph-0/keyring', 'osd.0', 'mon', 'allow profile osd', 'mgr', 'allow profile osd', 'osd', 'allow *'],
  ['/var/lib/ceph/mgr/ceph-x/keyring', 'mgr.x', 'mon', 'allow profile mgr', 'osd', 'allow *', 'mds', 'allow *'],
];

async function makeCluster(context: SiteContext): Promise<void> {
  const { execOk, site } = context;
  const boot = '/var/lib/ceph/mon/boot.keyring';
  const monmap = '/var/lib/ceph/mon/monmap';
  await run(context);
  await execOk(['install', '-d', '/var/lib/ceph/mon/ceph-a', '/var/lib/ceph/osd/ceph-0', '/var/lib/ceph/mgr/ceph-x']);
  const make = (file: string, name: string, caps: readonly string[]): Promise<string> =>
    execOk(['ceph-authtool', '--create-keyring', file, '--gen-key', '-n', name, ...caps.flatMap((cap, i) => (i % 2 === 0 ? ['--cap', cap, caps[i + 1] ?? ''] : []))]);
  await make(boot, 'mon.', ['mon', 'allow *']);
  for (const [file, name, ...caps] of keyrings) {
    await make(file, name, caps);
    await execOk(['ceph-authtool', boot, '--import-keyring', file]);
  }
  await execOk(['monmaptool', '--create', '--clobber', '--fsid', fsid(context), '--addv', 'a', `[v2:${site.ip}:3300,v1:${site.ip}:6789]`, monmap]);
  // Cinder reads the administrator's key as its own user; nova-compute's guests get it from libvirt.
  await execOk(['chown', 'ceph:cinder', adminKeyring]);
  await execOk(['chmod', '640', adminKeyring]);
  await execOk(['chown', '-R', 'ceph:ceph', '/var/lib/ceph']);
  await execOk(['ceph-mon', '--mkfs', '-i', 'a', '--monmap', monmap, '--keyring', boot], { user: 'ceph' });
  await execOk(['ceph-osd', '-i', '0', '--mkfs', '--osd-uuid', context.secrets.uuid(`${site.name}/osd`), '--no-mon-config'], { user: 'ceph' });
}

/** The C++ tools answer in milliseconds; `ceph` itself costs half a second of processor. */
const probe = (argv: readonly string[]) => async ({ exec }: SiteContext): Promise<string | undefined> => {
  const { code, stderr } = await exec(argv, { timeoutMs: 8000 });
  return code === 0 ? undefined : stderr.trim().split('\n').at(-1);
};

/** Before the pool is made the OSD has nothing to answer for; afterwards it must serve it. */
async function osdReady({ exec }: SiteContext): Promise<string | undefined> {
  const pools = await exec(['rados', 'lspools'], { timeoutMs: 8000 });
  if (!pools.stdout.includes('volumes')) return pools.code === 0 ? undefined : pools.stderr.trim();
  const { code, stderr } = await exec(['rbd', 'ls', 'volumes'], { timeoutMs: 8000 });
  return code === 0 ? undefined : stderr.trim() || 'the pool does not answer';
}

export const ceph: Component = {
  name: 'ceph',
  files: (facts) => [{ path: '/etc/ceph/ceph.conf', content: conf(facts) }],
  init: [
    { name: 'ceph-cluster', needs: [], run: makeCluster },
    {
      name: 'ceph-osd-new',
      needs: ['ceph-mon'],
      async run({ execOk, secrets, site }) {
        await execOk(['ceph', '--connect-timeout', '30', 'osd', 'new', secrets.uuid(`${site.name}/osd`), '0']);
      },
    },
    {
      name: 'ceph-pool',
      needs: ['ceph-osd', 'ceph-mgr'],
      async run({ execOk }) {
        await execOk(['ceph', '--connect-timeout', '30'], {
          input: 'osd pool create volumes 8 8 replicated\nosd pool application enable volumes rbd\nosd set-require-min-compat-client nautilus\n',
        });
      },
    },
  ],
  services: [
    { name: 'ceph-mon', user: 'ceph', needs: ['ceph-cluster'], command: () => ['ceph-mon', '-i', 'a', '-f'], prepare: run, ready: probe(['rados', 'lspools']) },
    { name: 'ceph-osd', user: 'ceph', needs: ['ceph-mon', 'ceph-osd-new'], command: () => ['ceph-osd', '-i', '0', '-f'], prepare: run, ready: osdReady },
    { name: 'ceph-mgr', user: 'ceph', needs: ['ceph-mon'], command: () => ['ceph-mgr', '-i', 'x', '-f'], prepare: run, ready: () => Promise.resolve(undefined) },
  ],
};
