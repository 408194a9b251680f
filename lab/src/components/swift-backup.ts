import { ini } from '../engine/ini.ts';
import { LabError } from '../errors.ts';
import type { Component, SiteFacts } from '../engine/types.ts';
import { ports } from '../seed/site-api.ts';
import { siteSpecs, type SiteSpec } from '../topology/load.ts';
import type { Topology } from '../topology/schema.ts';
import { cinderFolders } from './cinder.ts';
import { listedUp } from './common.ts';
import { backupUser } from './swift.ts';

/** Where this topology's backups in Swift lie, and what their zone is called. */
function target({ topology }: SiteFacts): NonNullable<Topology['cinder']['swiftBackup']> & { spec: SiteSpec } {
  const options = topology.cinder.swiftBackup;
  const spec = siteSpecs(topology).find((s) => s.name === options?.site);
  if (!options || !spec) throw new LabError('LAB_TOPOLOGY', 'the component swift-backup needs cinder.swiftBackup');
  return { ...options, spec };
}

const host = ({ site }: SiteFacts): string => `${site.name}-swift`;

/**
 * A second cinder-backup of the site, with a host name and an availability zone of its own, that writes to the Swift of one of
 * the sites: a backup is asked of it by naming the zone.
 */
export const swiftBackup: Component = {
  name: 'swift-backup',
  files: (facts) => {
    const { spec, zone, compression } = target(facts);
    return [
      {
        path: '/etc/cinder/backup-swift.conf',
        owner: 'root:cinder',
        mode: 0o640,
        content: ini({
          DEFAULT: {
            host: host(facts), storage_availability_zone: zone,
            backup_driver: 'cinder.backup.drivers.swift.SwiftBackupDriver', backup_compression_algorithm: compression,
            // A user of the Swift's own site: the caller's token is of this site's Keystone, which the other does not know.
            backup_swift_auth: 'single_user', backup_swift_auth_version: 3, backup_swift_auth_url: `http://${spec.ip}:${String(ports.identity)}/v3`,
            backup_swift_user: backupUser, backup_swift_key: facts.secrets.get(`${spec.name}/user/${backupUser}`), backup_swift_user_domain: 'Default',
            backup_swift_project: 'service', backup_swift_project_domain: 'Default',
          },
        }),
      },
    ];
  },
  init: [],
  services: [
    {
      name: 'cinder-backup-swift',
      user: 'cinder',
      needs: ['rabbitmq', 'cinder-api', 'ceph-pool', 'ceph-osd'],
      command: () => ['cinder-backup', '--config-file', '/etc/cinder/cinder.conf', '--config-file', '/etc/cinder/backup-swift.conf'],
      prepare: cinderFolders,
      async ready(context, startedAt) {
        // The daemon does not look for its Swift before the first backup.
        const { spec } = target(context);
        const answer = await context.relay.http(`http://${spec.ip}:${String(ports['object-store'])}/healthcheck`);
        if (answer.status !== 200) return `the Swift of ${spec.name} answers HTTP ${String(answer.status)}`;
        // Its first report to the scheduler says that it does not work yet, the next comes 10 s later; until then backups fail at once.
        if (Date.now() - startedAt.getTime() < 20_000) return 'the scheduler has not heard of it yet';
        return listedUp('volume', 'cinder-backup', host)(context, startedAt);
      },
    },
  ],
};
