import { afterAll, beforeAll } from 'vitest';
import { openLab, type Lab } from '../index.ts';
import { storageAgentCommand, storageAgentState, storageAgentUser } from '../replication/storage-agent.ts';
import { startController, type Controller } from './controller.ts';
import { jobsEnd } from './group.ts';
import { godwit, godwitOk, type CliOptions, type CliResult } from './godwit.ts';
import { createVnf, emptyProject, type VnfMember } from './vnf.ts';
import { eventually } from './wait.ts';

const sites = ['site1', 'site2'] as const;

export interface Replicated {
  readonly lab: Lab;
  readonly members: readonly VnfMember[];
  cli(...args: string[]): Promise<CliResult>;
  ok<T>(...args: string[]): Promise<T>;
  /** After a power cut: the site's own services come back by themselves, these do not. */
  revive(site: string): Promise<void>;
}

/** rbd-mirror and the storage agent of a site, enrolled with the controller by a one-time token where it is not. */
async function startStorage(lab: Lab, cli: CliOptions, site: string): Promise<void> {
  await lab.startService(site, 'rbd-mirror');
  const name = `${site}-storage`;
  const enrolled = (await godwitOk<{ name: string }[]>(lab, cli, 'agent', 'list')).some((a) => a.name === name);
  if (!enrolled) {
    const made = await godwitOk<{ token: string }>(lab, cli, 'agent', 'token', 'create', '--site', site, '--role', 'storage', '--name', name);
    await lab.stopService(site, 'storage-agent');
    lab.configureService(site, 'storage-agent');
    await lab.exec(site, ['sh', '-c', `rm -rf "$0"; install -d -o ${storageAgentUser} -g ${storageAgentUser} -m 700 "$0"`, storageAgentState]);
    const done = await lab.exec(site, storageAgentCommand('enrol', '--url', `${lab.topology.wan.ops}:8791`, '--token-file', '-', '--name', name), { user: storageAgentUser, input: made.token });
    if (done.code !== 0) throw new Error(`enrolment of ${name}: ${done.stderr}${done.stdout}`);
  }
  await lab.startService(site, 'storage-agent');
  await eventually(`agent ${name} to be connected`, async () => (await godwitOk<{ name: string; connected: boolean; report?: { storage?: { problems: unknown[] } } }[]>(lab, cli, 'agent', 'list')).some((a) => a.name === name && a.connected), { timeoutMs: 60_000 });
}

/** What an interrupted run left: Cinder deletes no volume whose image is mirrored or has snapshots. */
async function wipeMirrors(lab: Lab, site: string): Promise<void> {
  const script = 'for i in $(rbd ls volumes); do rbd mirror image disable --force "volumes/$i" >/dev/null 2>&1; rbd snap purge --no-progress "volumes/$i" >/dev/null 2>&1; case $i in godwit-kept-*) rbd rm --no-progress "volumes/$i";; esac; done; exit 0';
  await lab.exec(site, ['sh', '-c', script], { timeoutMs: 300_000 });
}

/** Both sites alive and mirroring, an empty project, a VNF at site1, a controller, and a group `vnf` with method replication. */
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
    await scenario.ok('group', 'create', 'vnf', '--site', 'site1', '--recovery-site', 'site2', ...members.flatMap((m) => ['--member', m.name]), '--method', 'replication', '--mirror-mode', mode);
  }, 40 * 60_000);
  afterAll(async () => {
    await controller?.stop();
  }, 120_000);
  return scenario;
}
