import { createVnf, emptyProject, freshGroup, godwitOk, startController } from '@godwit/lab';
import { clear, timed } from './recovered.ts';
import { typedRecover } from './typed.ts';
import { table, type Bench } from './types.ts';

interface Point {
  readonly id: string;
  readonly volumes: readonly { readonly volumeId: string; readonly backupId: string }[];
}

/** From "bring it back" to both VMs running, at the site that is left: Godwit, then the same from the same backups typed with the `openstack` client. */
export const recoveryBench: Bench = async (lab, { say }) => {
  await Promise.all(['site1', 'site2'].map((site) => emptyProject(lab, site)));
  say('Booting and protecting the VNF …');
  const members = await createVnf(lab, 'site1');
  const controller = await startController(lab);
  const cli = { url: controller.url };
  try {
    await freshGroup(lab, cli, 'bench', members);
    await godwitOk(lab, cli, 'protect', 'bench');
    const point = await godwitOk<Point>(lab, cli, 'protect', 'bench');
    await lab.killSite('site1');
    say('site1 is gone. Godwit recovers …');
    const godwit = await timed(lab, async () => (await godwitOk<{ servers: { id: string }[] }>(lab, cli, 'recover', 'bench', '--to', 'site2', '--yes')).servers.map((s) => s.id));
    const residentMiB = controller.residentMiB();
    say(`Godwit: ${godwit.activeSeconds.toFixed(1)} s. The same, typed …`);
    await clear(lab);
    const typed = await timed(lab, () => typedRecover(lab, members, Object.fromEntries(point.volumes.map((v) => [v.volumeId, v.backupId]))));
    const ratio = godwit.activeSeconds / typed.activeSeconds;
    const text = [
      table([
        ['', 'both VMs ACTIVE, s', 'both writers going on, s'],
        ['Godwit', godwit.activeSeconds.toFixed(1), godwit.writersSeconds.toFixed(1)],
        ['openstack client, typed', typed.activeSeconds.toFixed(1), typed.writersSeconds.toFixed(1)],
      ]),
      '',
      `Godwit takes ${ratio.toFixed(2)} of the typed sequence's time (aim: at most 0.5). The typed one has no time for thinking, looking up or mistakes in it.`,
      `Controller resident: ${residentMiB} MiB (aim: under 200 MB).`,
    ].join('\n');
    return { name: 'recovery', text, figures: { godwit, typed, ratio, residentMiB } };
  } finally {
    await controller.stop();
  }
};
