import type { Emulator } from '@godwit/emulator';
import { checkInvariant, type MemberReport, type Point, type PointReport, type Recovered, type StoryReport } from '@godwit/lab';
import { godwit, type CommandOptions } from './command.ts';
import { narrator } from './narrate.ts';
import { createVnf, connect, type Member } from './vnf.ts';
import { eventually } from './wait.ts';
import { lastNumber, lastUptime, logsOf, longestGapMs } from './writers.ts';
import type { World } from './world.ts';

export interface StoryOptions {
  readonly source: string;
  readonly target: string;
  readonly speed: number;
  readonly say: (text: string) => void;
  readonly signal: AbortSignal;
}

/** The lab's story (lab/src/demo/story.ts) on emulated sites: with nothing but what a tenant has, the `godwit` command and OpenStack's own API. */
export async function playStory(world: World, options: StoryOptions): Promise<StoryReport> {
  const { source, target, say, signal, speed } = options;
  const { emulator } = world;
  const begun = performance.now();
  say(`A VNF of two members boots at ${source}, each from a Ceph volume and with a data volume; a writer appends to both.`);
  const [members, controller] = await Promise.all([createVnf(emulator, source, signal), world.controller]);
  const cli: CommandOptions = { url: controller.url, cloudsFile: world.cloudsFile, cloud: target, echo: narrator(say) };
  await godwit(cli, 'group', 'create', 'vnf', '--site', source, '--recovery-site', target, ...members.flatMap((m) => ['--member', m.name]));
  const points: PointReport[] = [];
  for (const kind of ['full', 'incremental']) points.push(await protectOnce(emulator, cli, members, kind, options));
  const protectedAt = points.at(-1)?.writers ?? [];
  await eventually('the writers to go on', signal, () => writersAt(emulator, source, members).every((n, i) => n > (protectedAt[i] ?? 0) + 5));
  const lastSeen = writersAt(emulator, source, members);
  say(`Power cut at ${source}: every process of it is gone at once.`);
  emulator.inject({ kind: 'site-down', site: source });
  const killedAt = performance.now();
  say(`Recovering at ${target} …`);
  const restored = watchRestored(emulator, target);
  const recovered = await godwit<Recovered>({ ...cli, echo: narrator(say) }, 'recover', 'vnf', '--to', target, '--yes');
  restored.end();
  const back = recovered.servers.map((s) => ({ ...s, volumes: [] as string[] }));
  const cloud = connect(emulator, target);
  try {
    for (const server of back) server.volumes = await volumesOf(cloud, server.id);
    const resumed = back.map((s) => lastNumber(logsOf(emulator, target, s.volumes).root));
    await eventually('the writers to go on', signal, () => back.every((s, i) => lastNumber(logsOf(emulator, target, s.volumes).root) > (resumed[i] ?? 0)));
    const serviceMs = performance.now() - killedAt;
    say('Both members are up and their writers go on. Checking their data, addresses and order.');
    const reports: MemberReport[] = [];
    for (const [i, member] of members.entries()) reports.push(await inspect({ emulator, site: target, cloud, member, server: back.find((s) => s.name === member.name), held: restored.held, protectedN: protectedAt[i] ?? 0, lastSeenN: lastSeen[i] ?? 0 }));
    const bootedInOrder = recovered.servers.every((s, n) => s.name === members[n]?.name && (n === 0 || s.bootedAt >= (recovered.servers[n - 1]?.bootedAt ?? '')));
    return {
      ok: bootedInOrder && reports.every((m) => m.ok), points, members: reports, bootedInOrder, rpoSeconds: recovered.rpoSeconds, rtoSeconds: recovered.rtoSeconds, writersBackSeconds: serviceMs / 1_000, sourceFenced: recovered.sourceFenced,
      seconds: (performance.now() - begun) / 1_000, recoverySite: target, emulated: { speed },
    };
  } finally {
    await cloud.close();
  }
}

const writersAt = (emulator: Emulator, site: string, members: readonly Member[]): number[] => members.map((m) => lastNumber(logsOf(emulator, site, m.volumes).root));

async function protectOnce(emulator: Emulator, cli: CommandOptions, members: readonly Member[], kind: string, { source, target, speed, say, signal }: StoryOptions): Promise<PointReport> {
  say(`Protecting (${kind}): freeze in order, one group snapshot, thaw in reverse; backups, brought over and verified at ${target} …`);
  // A guest writes before its agent answers, which takes its boot: 8 s, in emulated time. On a fast machine protect would come too early.
  await eventually('the guests to have booted', signal, () => members.every((m) => lastUptime(logsOf(emulator, source, m.volumes).root) * speed > 10));
  const before = writersAt(emulator, source, members);
  const bytesBefore = emulator.backupBytes();
  const begun = performance.now();
  const point = await godwit<Point>({ ...cli, echo: narrator(say) }, 'protect', 'vnf');
  const seconds = (performance.now() - begun) / 1_000;
  const guestFreezeMs = Object.fromEntries(members.map((m, i) => [m.name, noticed(longestGapMs(logsOf(emulator, source, m.volumes).root, before[i] ?? 0))]));
  const { id, sequence, incremental, frozenAt, freezeWindowMs, groupSnapshotMs } = point;
  const report: PointReport = { id, sequence, incremental, frozenAt, freezeWindowMs, groupSnapshotMs, guestFreezeMs, bytesBackedUp: emulator.backupBytes() - bytesBefore, seconds, writers: before };
  say(`Recovery point ${String(sequence)}: frozen ${String(freezeWindowMs)} ms by the controller, ${Object.entries(guestFreezeMs).map(([n, ms]) => `${String(ms)} ms by ${n}`).join(', ')}.`);
  return report;
}

/** As the lab's guests: a pause of less is what a busy machine does to any writer. */
const noticed = (ms: number): number => (ms < 40 ? 0 : ms);

async function volumesOf(cloud: ReturnType<typeof connect>, server: string): Promise<string[]> {
  const attached = await cloud.compute.servers.volumeAttachments(server);
  return attached.sort((a, b) => ((a.device ?? '') < (b.device ?? '') ? -1 : 1)).map((a) => a.volumeId);
}

/** What each volume at the recovery site held when its server was about to be made: afterwards the guest's own writer goes on on it. */
function watchRestored(emulator: Emulator, site: string): { readonly held: ReadonlyMap<string, number>; end(): void } {
  const held = new Map<string, number>();
  const end = emulator.tap(({ phase, service, method, path, site: where }) => {
    if (where !== site || phase !== 'arrived' || service !== 'compute' || method !== 'POST' || !/\/servers$/.test(path)) return;
    const volumes = emulator.inventory(site).flatMap((i) => i.resources).filter((r) => r.kind === 'volume' && r.status === 'available');
    for (const { id } of volumes) held.set(id, lastNumber(logsOf(emulator, site, [id]).root));
  });
  return { held, end };
}

interface Inspection {
  readonly emulator: Emulator;
  readonly site: string;
  readonly cloud: ReturnType<typeof connect>;
  readonly member: Member;
  readonly server: { readonly id: string; readonly volumes: readonly string[] } | undefined;
  readonly held: ReadonlyMap<string, number>;
  /** Where the writer was when the point was begun, and when it was last seen. */
  readonly protectedN: number;
  readonly lastSeenN: number;
}

async function inspect({ emulator, site, cloud, member, server, held, protectedN, lastSeenN }: Inspection): Promise<MemberReport> {
  const { root, data } = logsOf(emulator, site, server?.volumes ?? []);
  const logs = checkInvariant(root, data);
  const [n0 = -1, n1 = -1] = (server?.volumes ?? []).map((id) => held.get(id) ?? -1);
  const [port] = await cloud.network.ports.list({ device_id: server?.id ?? '' });
  const sameMac = port?.mac_address === member.mac;
  const sameIp = port?.fixed_ips.some((f) => f.ip_address === member.ip) === true;
  const consistent = n1 >= 0 && n1 <= n0 && n0 <= n1 + 1;
  const fresh = n0 >= protectedN;
  return {
    name: member.name, ok: sameMac && sameIp && logs.ok && consistent && fresh, mac: member.mac, ip: member.ip, sameMac, sameIp, resumedAt: { n0, n1 }, consistent, holdsProtectedData: fresh,
    lostWrites: Math.max(0, lastSeenN - n0), logs, guestErrors: [],
  };
}
