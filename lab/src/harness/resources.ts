import { afterAll, beforeAll } from 'vitest';
import { createCloud, type Cloud, type Image } from '@godwit/openstack';
import { openLab, type Lab } from '../index.ts';
import { connect } from './clouds.ts';
import { startController, type Controller, type ControllerOptions } from './controller.ts';
import { godwit, godwitOk, type CliResult } from './godwit.ts';
import { deleteImages } from './images.ts';
import { sharedRegion as region, startSharedGlance } from './shared-glance.ts';

export { region };

/** The scenarios' own images: a lab may hold others. */
export const ofOurs = (image: Image): boolean => /^(res-|godwit-clone-)/.test(image.name ?? '');

/** What the scenarios of images, and other resources, work with: both sites, their own controller with an empty database, no VNF. */
export interface ResourceScenario {
  readonly lab: Lab;
  /** As in the lab's clouds.yaml: `site1`, `site2-admin`; closed at the end. */
  cloud(name: string): Promise<Cloud>;
  /** The tenant at the second Glance of site1's Keystone. */
  shared(): Promise<Cloud>;
  controller(): Controller;
  restart(options?: ControllerOptions): Promise<Controller>;
  cli(...args: string[]): Promise<CliResult>;
  ok<T>(...args: string[]): Promise<T>;
  /** The same as another entry of clouds.yaml. */
  as<T>(cloud: string, ...args: string[]): Promise<T>;
  tryAs(cloud: string, ...args: string[]): Promise<CliResult>;
}

export function useResources(): ResourceScenario {
  const lab = openLab();
  const clouds = new Map<string, Cloud>();
  let controller: Controller | undefined;
  let base: ControllerOptions = { name: 'resources', port: 8790 };
  const options = (cloud?: string) => {
    if (!controller) throw new Error('no controller runs');
    return { url: controller.url, ...(cloud === undefined ? {} : { cloud }) };
  };
  const cloud = async (name: string): Promise<Cloud> => {
    const known = clouds.get(name) ?? (await connect(lab, name));
    clouds.set(name, known);
    return known;
  };
  const as = <T>(name: string, ...args: string[]): Promise<T> => godwitOk<T>(lab, options(name), ...args);
  beforeAll(async () => {
    const status = await lab.status();
    if (status.phase !== 'up') throw new Error('the lab is not up: npm run test:lab brings it up and runs these');
    await lab.heal();
    for (const site of status.sites) {
      if (!site.alive) await lab.reviveSite(site.site);
      else for (const s of site.services) if (!s.running) await lab.startService(site.site, s.service);
    }
    base = { ...base, extraSites: await startSharedGlance(lab) };
    controller = await startController(lab, base);
    for (const name of ['site1', 'site2', 'site1-stranger', 'site2-stranger']) await deleteImages(await cloud(name), ofOurs);
  }, 15 * 60_000);
  afterAll(async () => {
    await controller?.stop();
    await Promise.all([...clouds.values()].map((c) => c.close()));
  }, 120_000);
  return {
    lab, cloud,
    async shared() {
      const { config } = await cloud('site1');
      const known = clouds.get(region) ?? createCloud({ ...config, regionName: region });
      clouds.set(region, known);
      return known;
    },
    controller: () => {
      if (!controller) throw new Error('no controller runs');
      return controller;
    },
    async restart(more = {}) {
      await controller?.kill();
      controller = await startController(lab, { ...base, ...more, keepDatabase: true });
      return controller;
    },
    cli: (...args) => godwit(lab, options('site1'), ...args),
    ok: (...args) => as('site1', ...args),
    as,
    tryAs: (name, ...args) => godwit(lab, options(name), ...args),
  };
}
