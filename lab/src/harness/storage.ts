import type { Lab } from '../index.ts';
import { storageAgentCommand, storageAgentState, storageAgentUser } from '../replication/storage-agent.ts';
import { godwitOk, type CliOptions } from './godwit.ts';
import { eventually } from './wait.ts';

/** rbd-mirror and the storage agent of a site, enrolled with the controller by a one-time token where it is not. */
export async function startStorage(lab: Lab, cli: CliOptions, site: string): Promise<void> {
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
export async function wipeMirrors(lab: Lab, site: string): Promise<void> {
  const script = 'for i in $(rbd ls volumes); do rbd mirror image disable --force "volumes/$i" >/dev/null 2>&1; rbd snap purge --no-progress "volumes/$i" >/dev/null 2>&1; case $i in godwit-kept-*) rbd rm --no-progress "volumes/$i";; esac; done; exit 0';
  await lab.exec(site, ['sh', '-c', script], { timeoutMs: 300_000 });
}
