import { afterAll, beforeAll } from 'vitest';
import { openLab, type Lab } from '../index.ts';
import { connect } from './clouds.ts';
import { startController, type Controller, type ControllerOptions } from './controller.ts';
import { freshGroup, jobsEnd } from './group.ts';
import { godwit, godwitOk, type CliOptions, type CliResult } from './godwit.ts';
import { agent, writerAt } from './guest.ts';
import { createVnf, emptyProject, twoMembers, type VnfMember } from './vnf.ts';

/** What a scenario works with: a lab with both sites alive, a VNF at site1, a controller, a protection group `vnf`. */
export interface Scenario {
  readonly lab: Lab;
  readonly members: readonly VnfMember[];
  controller(): Controller;
  /** Ends the present controller (SIGKILL unless told otherwise) and starts another. */
  restart(options?: ControllerOptions & { readonly how?: 'kill' | 'stop' }): Promise<Controller>;
  cli(...args: string[]): Promise<CliResult>;
  ok<T>(...args: string[]): Promise<T>;
  options(): CliOptions;
}

export interface ScenarioOptions {
  /** Everything anew: for scenarios that must not meet another's leavings. Otherwise a VNF that runs is used again. */
  readonly fresh?: boolean;
  readonly group?: readonly string[];
}

/** Prepares before a file's tests and cleans up after; a lab that is not there fails them. */
export function useScenario(options: ScenarioOptions = {}): Scenario {
  const lab = openLab();
  let members: VnfMember[] = [];
  let controller: Controller | undefined;
  const cliOptions = (): CliOptions => {
    if (!controller) throw new Error('no controller runs');
    return { url: controller.url };
  };
  const scenario: Scenario = {
    lab,
    get members() {
      return members;
    },
    controller: () => {
      if (!controller) throw new Error('no controller runs');
      return controller;
    },
    async restart({ how = 'kill', ...rest } = {}) {
      await (how === 'kill' ? controller?.kill() : controller?.stop());
      controller = await startController(lab, rest);
      return controller;
    },
    cli: (...args) => godwit(lab, cliOptions(), ...args),
    ok: (...args) => godwitOk(lab, cliOptions(), ...args),
    options: cliOptions,
  };
  beforeAll(async () => {
    const status = await lab.status();
    if (status.phase !== 'up') throw new Error('the lab is not up: npm run test:lab brings it up and runs these');
    await lab.heal();
    for (const site of status.sites) {
      if (!site.alive) await lab.reviveSite(site.site);
      else for (const s of site.services) if (!s.running) await lab.startService(site.site, s.service);
    }
    members = (options.fresh === true ? undefined : await running(lab)) ?? (await anew(lab));
    controller = await startController(lab);
    const groups = await scenario.ok<{ name: string }[]>('group', 'list');
    await jobsEnd(lab, cliOptions());
    for (const g of groups) await scenario.ok('group', 'delete', g.name, '--purge', '--yes');
    await freshGroup(lab, cliOptions(), 'vnf', members, ...(options.group ?? []));
  }, 30 * 60_000);
  afterAll(async () => {
    await controller?.stop();
  }, 120_000);
  return scenario;
}

async function anew(lab: Lab): Promise<VnfMember[]> {
  await Promise.all(['site1', 'site2'].map((site) => emptyProject(lab, site)));
  return createVnf(lab, 'site1');
}

/** The VNF of an earlier scenario, if it runs at site1 as it was made. */
async function running(lab: Lab): Promise<VnfMember[] | undefined> {
  const cloud = await connect(lab, 'site1');
  try {
    const servers = (await cloud.compute.servers.list()).filter((s) => s.status === 'ACTIVE');
    const found = await Promise.all(
      twoMembers.map(async (spec): Promise<VnfMember | undefined> => {
        const server = servers.find((s) => s.name === spec.name && s.metadata['role'] === spec.name);
        if (!server) return undefined;
        const attached = (await cloud.compute.servers.volumeAttachments(server.id)).sort((a, b) => ((a.device ?? '') < (b.device ?? '') ? -1 : 1));
        return { ...spec, id: server.id, rootVolume: attached[0]?.volumeId ?? '', dataVolume: attached[1]?.volumeId ?? '' };
      }),
    );
    const members = found.filter((m) => m !== undefined);
    if (members.length !== twoMembers.length || servers.length !== members.length) return undefined;
    // Nova shows a guest as ACTIVE for a while after a power cut: only its own word counts.
    await Promise.all(members.map((m) => writerAt(lab, 'site1', m.ip)));
    // An interrupted scenario may have left an agent hung or dead.
    for (const m of members) for (const action of ['cont', 'start'] as const) await agent(lab, 'site1', m.ip, action);
    return members;
  } catch {
    return undefined;
  } finally {
    await cloud.close();
  }
}
