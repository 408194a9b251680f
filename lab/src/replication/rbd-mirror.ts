import type { Component, SiteContext } from '../engine/types.ts';
import { mirrorUser, monitors, peerKey, peerOf, peerUser, pool } from './plan.ts';

const ceph = ['ceph', '--connect-timeout', '30'];

/** Makes the pool one whose images can be mirrored, and the other site's cluster its peer. May be run again. */
async function pair(context: SiteContext): Promise<void> {
  const { exec, execOk, write, secrets, site } = context;
  const other = peerOf(context);
  const keyring = '/etc/ceph/peer.keyring';
  write({ path: keyring, mode: 0o600, content: `[client.${peerUser}]\n\tkey = ${peerKey(secrets, site.name)}\n\tcaps mon = "profile rbd-mirror-peer"\n\tcaps osd = "profile rbd"\n` });
  await execOk([...ceph, 'auth', 'import', '-i', keyring]);
  await execOk([...ceph, 'auth', 'get-or-create', `client.${mirrorUser}`, 'mon', 'profile rbd-mirror', 'osd', 'profile rbd', '-o', `/etc/ceph/ceph.client.${mirrorUser}.keyring`]);
  await execOk(['chown', 'ceph:ceph', `/etc/ceph/ceph.client.${mirrorUser}.keyring`]);
  await execOk(['rbd', 'mirror', 'pool', 'enable', '--site-name', site.name, pool, 'image']);
  const key = '/etc/ceph/other.key';
  write({ path: key, mode: 0o600, content: `${peerKey(secrets, other.name)}\n` });
  for (let tries = 0; tries < 3; tries++) {
    const known = await peerNamed(context, other.name);
    if (known?.direction === 'rx-tx') break;
    if (!known) await exec(['rbd', 'mirror', 'pool', 'peer', 'add', pool, `client.${peerUser}@${other.name}`, '--remote-mon-host', monitors(other), '--remote-key-file', key, '--direction', 'rx-tx']);
    // The other cluster's rbd-mirror has made itself known here by its first look, as one that only reads.
    else for (const [name, value] of [['client', `client.${peerUser}`], ['mon-host', monitors(other)], ['key-file', key], ['direction', 'rx-tx']] as const) await execOk(['rbd', 'mirror', 'pool', 'peer', 'set', pool, known.uuid, name, value]);
  }
  await execOk(['rm', '-f', key]);
}

async function peerNamed({ execOk }: SiteContext, name: string): Promise<{ uuid: string; direction: string } | undefined> {
  const { peers } = JSON.parse(await execOk(['rbd', 'mirror', 'pool', 'info', pool, '--format', 'json'])) as { peers: { uuid: string; direction: string; site_name: string }[] };
  return peers.find((p) => p.site_name === name);
}

/** Copies the other cluster's mirrored images into this site's pool, and follows them. */
export const rbdMirror: Component = {
  name: 'rbd-mirror',
  files: () => [],
  init: [],
  services: [
    {
      name: 'rbd-mirror',
      user: 'ceph',
      needs: ['ceph-pool', 'ceph-osd', 'ceph-mgr'],
      command: () => ['rbd-mirror', '-f', '--name', `client.${mirrorUser}`, '--rbd-mirror-image-state-check-interval', '5'],
      prepare: pair,
      async ready({ exec }, startedAt) {
        const { code, stdout, stderr } = await exec(['rbd', 'mirror', 'pool', 'status', pool, '--format', 'json'], { timeoutMs: 8000 });
        if (code !== 0) return stderr.trim();
        const { daemon_health: health } = (JSON.parse(stdout) as { summary: { daemon_health: string } }).summary;
        // Without the other site it runs, and is not well: a site that comes back must not wait for one that is dead.
        return health === 'OK' || (health !== 'UNKNOWN' && Date.now() - startedAt.getTime() > 30_000) ? undefined : `its health is ${health}`;
      },
    },
  ],
};
