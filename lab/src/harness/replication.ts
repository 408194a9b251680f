import { afterAll, beforeAll } from 'vitest';
import { openLab, type Lab } from '../index.ts';
import { startController, type Controller } from './controller.ts';
import { jobsEnd } from './group.ts';
import { godwit, godwitOk, type CliOptions, type CliResult } from './godwit.ts';
import { startStorage, wipeMirrors } from './storage.ts';
import { createVnf, emptyProject, type VnfMember } from './vnf.ts';

const sites = ['site1', 'site2'] as const;

export interface Replicated {
  readonly lab: Lab;
  readonly members: readonly VnfMember[];
  cli(...args: string[]): Promise<CliResult>;
  ok<T>(...args: string[]): Promise<T>;
  /** Nothing is being done any more. */
  jobsEnd(): Promise<void>;
  /** After a power cut: the site's own services come back by themselves, these do not. */
  revive(site: string): Promise<void>;
}

/** Both sites alive and mirroring, an empty project, a VNF at site1, a controller, and a group `vnf` whose method is not replication yet. */
export function useReplication(mode: 'snapshot' | 'journal'): Replicated {
  const lab = openLab();
  let members: VnfMember[] = [];
  let controller: Controller | undefined;
  const options = (): CliOptions => {
    if (!controller) throw new Error('no controller runs');
    return { url: controller.url };
  };
  /** Agents are for administrators. */
  const asAdmin = (): CliOptions => ({ ...options(), cloud: 'site2-godwit' });
  const scenario: Replicated = {
    lab,
    get members() {
      return members;
    },
    cli: (...args) => godwit(lab, options(), ...args),
    ok: (...args) => godwitOk(lab, options(), ...args),
    jobsEnd: () => jobsEnd(lab, options()),
    async revive(site) {
      await lab.reviveSite(site);
      await startStorage(lab, asAdmin(), site);
    },
  };
  beforeAll(async () => {
    const status = await lab.status();
    if (status.phase !== 'up') throw new Error('the lab is not up: npm run test:lab brings it up and runs these');
    await lab.heal();
    for (const site of status.sites) {
      if (!site.alive) await lab.reviveSite(site.site);
      else for (const s of site.services) if (!s.running) await lab.startService(site.site, s.service);
    }
    controller = await startController(lab);
    for (const site of sites) await startStorage(lab, asAdmin(), site);
    await jobsEnd(lab, options());
    for (const g of await scenario.ok<{ name: string }[]>('group', 'list')) await godwit(lab, options(), 'group', 'delete', g.name, '--yes');
    for (const site of sites) await wipeMirrors(lab, site);
    await Promise.all(sites.map((site) => emptyProject(lab, site)));
    members = await createVnf(lab, 'site1');
    await scenario.ok('group', 'create', 'vnf', '--site', 'site1', '--recovery-site', 'site2', ...members.flatMap((m) => ['--member', m.name]), '--mirror-mode', mode, '--retain', '20');
  }, 40 * 60_000);
  afterAll(async () => {
    await controller?.stop();
  }, 120_000);
  return scenario;
}
