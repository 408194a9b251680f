import { setTimeout as delay } from 'node:timers/promises';
import { cutConnections } from '../database/troubles.ts';
import { until } from '../world/until.ts';
import type { Scene } from './played.ts';
import type { Trouble, Troubles } from './schedule.ts';

/** All that befalls the sites and the controllers of a world; it is over when this returns, and everybody is there again. */
export async function befallWorld(scene: Scene, troubles: Troubles): Promise<void> {
  const under: Promise<void>[] = [];
  for (const trouble of troubles) {
    await delay(trouble.afterMs);
    under.push(befall(scene, trouble));
  }
  await Promise.all(under);
}

async function befall(scene: Scene, trouble: Trouble): Promise<void> {
  const { lane, crew, database } = scene;
  switch (trouble.act) {
    case 'fault': {
      const fault = lane.sites.emulator.inject(trouble.fault);
      await delay(trouble.forMs);
      return fault.lift();
    }
    case 'quota':
      // It may not be possible just now, or be done though the answer was lost.
      await limit(scene, trouble, 1).catch(() => undefined);
      await delay(trouble.forMs);
      return void (await until('the quota is raised again', () => limit(scene, trouble, -1).then(() => true, () => undefined), 60_000, 200));
    case 'kill a controller':
      return crew.kill(trouble.comesBackAfterMs);
    case 'stop a controller':
      return crew.stop();
    case 'cut the database':
      return void (await cutConnections(lane.database, database.name));
  }
}

async function limit({ lane: { sites } }: Scene, { site, what }: Extract<Trouble, { readonly act: 'quota' }>, to: number): Promise<void> {
  const [tenant, admin] = await Promise.all([sites.cloud(site), sites.cloud(`${site}-admin`)]);
  const { projectId = '' } = await tenant.session.token();
  await (what === 'servers' ? admin.compute.setQuota(projectId, { instances: to }) : admin.volume.setQuota(projectId, { volumes: to }));
}
