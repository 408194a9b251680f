import { connect, createVnf, emptyProject, eventually, freshGroup, godwitOk, longestGapMs, startController, writerAt, type Lab, type VnfMember } from '@godwit/lab';
import { openstack } from './openstack-cli.ts';
import { median, table, type Bench } from './types.ts';

interface Round {
  /** How long each member's writer stood still, by its own clock. */
  readonly stalls: readonly number[];
  readonly windowMs?: number;
  readonly groupSnapshotMs?: number;
}

/** How long the application stands still: Godwit for both VMs at once; Nova's createImage by its API; the same typed. On the same VMs, by turns. */
export const freezeWindowBench: Bench = async (lab, { say, rounds = 3 }) => {
  await Promise.all(['site1', 'site2'].map((site) => emptyProject(lab, site)));
  say('Booting the VNF …');
  const members = await createVnf(lab, 'site1');
  const controller = await startController(lab);
  const cli = { url: controller.url };
  const ways: Record<'godwit' | 'createImage' | 'typed', Round[]> = { godwit: [], createImage: [], typed: [] };
  try {
    await freshGroup(lab, cli, 'bench', members);
    await godwitOk(lab, cli, 'protect', 'bench'); // the first is a full one, and proves the backup target
    for (let round = 1; round <= rounds; round++) {
      const protect = await measured(lab, members, () => godwitOk<{ freezeWindowMs: number; groupSnapshotMs: number }>(lab, cli, 'protect', 'bench'));
      ways.godwit.push({ stalls: protect.stalls, windowMs: protect.value.freezeWindowMs, groupSnapshotMs: protect.value.groupSnapshotMs });
      ways.createImage.push(await measured(lab, members, () => createImages(lab, members, `bench-${round}`)));
      ways.typed.push(await measured(lab, members, () => typedImages(lab, members, `bench-typed-${round}`)));
      say(`round ${round}: Godwit window ${protect.value.freezeWindowMs} ms (group snapshot ${protect.value.groupSnapshotMs}), stalls ${protect.stalls.join(' and ')}; createImage ${ways.createImage.at(-1)?.stalls.join(' and ')}; typed ${ways.typed.at(-1)?.stalls.join(' and ')}`);
    }
  } finally {
    await controller.stop();
  }
  const sum = (rs: readonly Round[]): number => median(rs.map((r) => r.stalls.reduce((a, b) => a + b, 0)));
  const longest = (rs: readonly Round[]): number => median(rs.map((r) => Math.max(...r.stalls)));
  const windowMs = median(ways.godwit.map((r) => r.windowMs ?? 0));
  const snapshotMs = median(ways.godwit.map((r) => r.groupSnapshotMs ?? 0));
  const text = [
    table([
      ['median of ' + rounds, 'longest stall of a VM, ms', 'both VMs’ stalls added, ms', 'both at one instant'],
      ['Godwit', longest(ways.godwit).toFixed(0), sum(ways.godwit).toFixed(0), 'yes'],
      ['Nova createImage, one after another', longest(ways.createImage).toFixed(0), sum(ways.createImage).toFixed(0), 'no'],
      ['openstack server image create', longest(ways.typed).toFixed(0), sum(ways.typed).toFixed(0), 'no'],
    ]),
    '',
    `Godwit's window by the controller: ${windowMs.toFixed(0)} ms, of it the group snapshot itself ${snapshotMs.toFixed(0)} ms: ${(windowMs - snapshotMs).toFixed(0)} ms more (aim: at most 500).`,
    `Godwit's window to createImage's stalls for two VMs: ${(windowMs / sum(ways.createImage)).toFixed(2)} (aim: at most 0.5).`,
  ].join('\n');
  return { name: 'freeze-window', text, figures: { rounds, ways, windowMs, snapshotMs, overheadMs: windowMs - snapshotMs, ratioToCreateImage: windowMs / sum(ways.createImage) } };
};

async function measured<T>(lab: Lab, members: readonly VnfMember[], work: () => Promise<T>): Promise<{ stalls: number[]; value: T }> {
  const before = await writers(lab, members);
  const value = await work();
  await eventually('the writers to go on', async () => (await writers(lab, members)).every((n, i) => n > (before[i] ?? 0) + 60));
  return { stalls: members.map((m, i) => longestGapMs(lab, 'site1', m.id, before[i] ?? 0)), value };
}

const writers = (lab: Lab, members: readonly VnfMember[]): Promise<number[]> => Promise.all(members.map((m) => writerAt(lab, 'site1', m.ip)));

/** Nova's own way for a server on volumes: freeze, snapshot its volumes one by one, thaw. */
async function createImages(lab: Lab, members: readonly VnfMember[], name: string): Promise<void> {
  const cloud = await connect(lab, 'site1');
  try {
    for (const member of members) {
      const image = await cloud.compute.servers.createImage(member.id, { name: `${name}-${member.name}` });
      await eventually(`image of ${member.name}`, async () => (await cloud.image.get(image)).status === 'active');
      await eventually('its snapshots', async () => (await cloud.volume.snapshots.list()).every((s) => s.status === 'available'));
      await cloud.image.delete(image);
    }
    await dropSnapshots(lab);
  } finally {
    await cloud.close();
  }
}

async function typedImages(lab: Lab, members: readonly VnfMember[], name: string): Promise<void> {
  for (const member of members) {
    await openstack(lab, 'site1', 'site1', 'server', 'image', 'create', '--wait', '--name', `${name}-${member.name}`, member.name);
    await openstack(lab, 'site1', 'site1', 'image', 'delete', `${name}-${member.name}`);
  }
  await dropSnapshots(lab);
}

async function dropSnapshots(lab: Lab): Promise<void> {
  const cloud = await connect(lab, 'site1');
  try {
    await eventually('snapshots to be gone', async () => {
      const left = await cloud.volume.snapshots.list();
      for (const s of left.filter((x) => x.status === 'available')) await cloud.volume.snapshots.delete(s.id);
      return left.length === 0;
    });
  } finally {
    await cloud.close();
  }
}
