import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Cloud } from '@godwit/openstack';
import { stringify } from 'yaml';
import type { Lab } from '../index.ts';
import { sharedGlancePort } from '../components/glance-shared.ts';
import { connect } from './clouds.ts';

export const sharedRegion = 'shared';

/** Starts the second Glance, as a region of site1's catalogue. Returns it as a site of godwit.yaml. Done twice, once. */
export async function startSharedGlance(lab: Lab): Promise<Record<string, unknown>> {
  await lab.startService('site2', 'glance-shared');
  const admin = await connect(lab, 'site1-admin');
  try {
    await registerRegion(admin, `http://${lab.sites.find((s) => s.name === 'site2')?.ip ?? ''}:${sharedGlancePort}`, admin.config.auth.authUrl);
  } finally {
    await admin.close();
  }
  const cloudsFile = join(lab.paths.state, 'harness', 'shared-clouds.yaml');
  await mkdir(dirname(cloudsFile), { recursive: true, mode: 0o755 });
  await writeFile(cloudsFile, stringify({ clouds: { [sharedRegion]: { ...lab.cloud('site1-godwit'), region_name: sharedRegion } } }), { mode: 0o600 });
  return { [sharedRegion]: { cloud: sharedRegion, cloudsFile } };
}

async function registerRegion(admin: Cloud, glanceUrl: string, keystoneUrl: string): Promise<void> {
  const { identity } = admin;
  if (!(await identity.regions.list()).some((r) => r.id === sharedRegion)) await identity.regions.create({ id: sharedRegion });
  for (const [type, url] of [['image', glanceUrl], ['identity', keystoneUrl]] as const) {
    const [service] = await identity.services.list({ type });
    if (!service) throw new Error(`site1 has no service ${type}`);
    const there = await identity.endpoints.list({ service_id: service.id, region_id: sharedRegion });
    for (const face of ['public', 'internal', 'admin']) if (!there.some((e) => e.interface === face)) await identity.endpoints.create({ service_id: service.id, region_id: sharedRegion, interface: face, url });
  }
}
