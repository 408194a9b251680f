import { ini } from '../engine/ini.ts';
import { LabError } from '../errors.ts';
import type { Component, SiteFacts } from '../engine/types.ts';
import { ports } from '../seed/site-api.ts';
import { siteSpecs, type SiteSpec } from '../topology/load.ts';
import { authToken } from './common.ts';

export const sharedGlancePort = 9293;

/** The site whose Keystone this Glance is a region of. */
function home({ topology }: SiteFacts): SiteSpec {
  const spec = siteSpecs(topology).find((s) => s.name === topology.glanceShared?.keystoneOf);
  if (!spec) throw new LabError('LAB_TOPOLOGY', 'the component glance-shared needs glanceShared.keystoneOf');
  return spec;
}

/**
 * A second Glance at the site, with a database and a store of its own, that belongs to the Keystone of another: the two are then regions of
 * one catalogue, as `glance-download` needs it, while the sites' own Keystones stay apart.
 */
export const glanceShared: Component = {
  name: 'glance-shared',
  files: (facts) => {
    const spec = home(facts);
    const data = '/var/lib/glance/shared';
    return [
      {
        path: '/etc/glance/glance-shared.conf',
        owner: 'root:glance',
        mode: 0o640,
        content: ini({
          DEFAULT: {
            bind_host: '0.0.0.0', bind_port: sharedGlancePort, workers: 1,
            enabled_backends: 'shared:file',
            worker_self_reference_url: `http://${facts.site.ip}:${String(sharedGlancePort)}`,
            enabled_import_methods: '[glance-direct,web-download,glance-download]',
            node_staging_uri: `file://${data}/staging`,
          },
          database: { connection: `sqlite:///${data}/glance.sqlite` },
          glance_store: { default_backend: 'shared' },
          shared: { filesystem_store_datadir: `${data}/images` },
          os_glance_staging_store: { filesystem_store_datadir: `${data}/staging` },
          os_glance_tasks_store: { filesystem_store_datadir: `${data}/tasks` },
          // By default only ports 80 and 443 may be fetched from; here is another Glance's, and godwit-server's.
          import_filtering_opts: { allowed_ports: `[80,443,${String(ports.image)},8790]` },
          keystone_authtoken: { ...authToken({ ...facts, site: spec }, 'glance') },
          paste_deploy: { flavor: 'keystone', config_file: '/etc/glance/glance-api-paste.ini' },
        }),
      },
    ];
  },
  init: [],
  services: [
    {
      name: 'glance-shared',
      user: 'glance',
      needs: [],
      prepare: async (context) => void (await context.execOk(['install', '-d', '-o', 'glance', '-g', 'glance', '/var/lib/glance/shared', '/var/lib/glance/shared/images', '/var/lib/glance/shared/staging', '/var/lib/glance/shared/tasks'])),
      command: () => ['sh', '-c', 'glance-manage --config-file /etc/glance/glance-shared.conf db_sync && exec glance-api --config-file /etc/glance/glance-shared.conf'],
      async ready({ relay, site }) {
        const answer = await relay.http(`http://${site.ip}:${String(sharedGlancePort)}/`, { timeoutMs: 20_000 });
        return answer.status < 500 ? undefined : `HTTP ${String(answer.status)}`;
      },
    },
  ],
};
