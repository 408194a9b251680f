import { connect, createVnf, emptyProject, eventually, freshGroup, godwitOk, guestLogs, guestReady, longestGapMs, network, startController, writerAt, type CliOptions, type Controller, type VnfMember } from '../harness/index.ts';
import type { Lab } from '../index.ts';
import { parseGuestConsole } from '../guest/index.ts';
import type { MemberReport, Point, PointReport, Recovered, StoryReport } from './report.ts';

export interface StoryOptions {
  readonly say: (text: string) => void;
  /** Called when the application has been recovered, with everything still there. */
  readonly afterRecovery?: (cli: CliOptions, controller: Controller) => Promise<void>;
}

/** The main job from one end to the other, with nothing but what a tenant has: the `godwit` command and OpenStack's own API. */
export async function playStory(lab: Lab, options: StoryOptions): Promise<StoryReport> {
  const { say } = options;
  const begun = Date.now();
  await Promise.all(['site1', 'site2'].map((site) => emptyProject(lab, site)));
  say('A VNF of two members boots at site1, each from a Ceph volume and with a data volume; a writer appends to both.');
  const members = await createVnf(lab, 'site1');
  const controller = await startController(lab);
  const cli: CliOptions = { url: controller.url };
  try {
    await freshGroup(lab, cli, 'vnf', members);
    const points: PointReport[] = [];
    for (const kind of ['full', 'incremental']) points.push(await protectOnce(lab, cli, members, kind, say));
    await eventually('the writers to go on', async () => (await writersAt(lab, 'site1', members)).every((n, i) => n > (points.at(-1)?.writers[i] ?? 0)));
    const lastSeen = await writersAt(lab, 'site1', members);
    say('Power cut at site1: every process of it is killed at once.');
    await lab.killSite('site1');
    const killedAt = Date.now();
    say('Recovering at site2 …');
    const recovered = await godwitOk<Recovered>(lab, { ...cli, echo: echoTo(say) }, 'recover', 'vnf', '--to', 'site2', '--yes');
    await Promise.all(recovered.servers.map((s) => guestReady(lab, 'site2', s.id)));
    const serviceMs = Date.now() - killedAt;
    say('Both members are up and their writers go on. Checking their data, addresses and order.');
    const reports: MemberReport[] = [];
    for (const [n, member] of members.entries()) reports.push(await inspect(lab, member, recovered, points.at(-1)?.writers[n] ?? 0, lastSeen[n] ?? 0));
    const inOrder = recovered.servers.every((s, n) => s.name === members[n]?.name && (n === 0 || s.bootedAt >= (recovered.servers[n - 1]?.bootedAt ?? '')));
    await options.afterRecovery?.(cli, controller);
    return {
      ok: inOrder && reports.every((m) => m.ok),
      points,
      members: reports,
      bootedInOrder: inOrder,
      rpoSeconds: recovered.rpoSeconds,
      rtoSeconds: recovered.rtoSeconds,
      writersBackSeconds: serviceMs / 1_000,
      sourceFenced: recovered.sourceFenced,
      controllerResidentMiB: controller.residentMiB(),
      seconds: (Date.now() - begun) / 1_000,
    };
  } finally {
    await controller.stop();
  }
}

/** Only lines that say something new: progress as it would stand on a terminal is not for a log. */
const echoTo = (say: (text: string) => void) => (text: string): void => {
  for (const line of text.split('\n')) if (line.trim() !== '') say(`  ${line.trim()}`);
};

async function protectOnce(lab: Lab, cli: CliOptions, members: readonly VnfMember[], kind: string, say: (text: string) => void): Promise<PointReport> {
  say(`Protecting (${kind}): freeze in order, one group snapshot, thaw in reverse; backups, brought over and verified at site2 …`);
  const before = await writersAt(lab, 'site1', members);
  const bytesBefore = await backupBytes(lab);
  const begun = Date.now();
  const point = await godwitOk<Point>(lab, { ...cli, echo: echoTo(say) }, 'protect', 'vnf');
  const seconds = (Date.now() - begun) / 1_000;
  // A stall is printed by the write that follows it.
  await eventually('the writers to go on', async () => (await writersAt(lab, 'site1', members)).every((n, i) => n > (before[i] ?? 0) + 20));
  const guestFreezeMs = Object.fromEntries(members.map((m, i) => [m.name, longestGapMs(lab, 'site1', m.id, before[i] ?? 0)]));
  const report: PointReport = {
    id: point.id,
    sequence: point.sequence,
    incremental: point.incremental,
    frozenAt: point.frozenAt,
    freezeWindowMs: point.freezeWindowMs,
    groupSnapshotMs: point.groupSnapshotMs,
    guestFreezeMs,
    bytesBackedUp: (await backupBytes(lab)) - bytesBefore,
    seconds,
    writers: before,
  };
  say(`Recovery point ${point.sequence}: frozen ${point.freezeWindowMs} ms by the controller, ${Object.entries(guestFreezeMs).map(([n, ms]) => `${ms} ms by ${n}`).join(', ')}; ${(report.bytesBackedUp / 1e6).toFixed(1)} MB backed up.`);
  return report;
}

const writersAt = (lab: Lab, site: string, members: readonly VnfMember[]): Promise<number[]> => Promise.all(members.map((m) => eventually(`the writer of ${m.name}`, () => writerAt(lab, site, m.ip))));

/** What lies on the backup target: both sites mount the same directory. */
async function backupBytes(lab: Lab): Promise<number> {
  const { stdout } = await lab.exec('site2', ['du', '-s', '--block-size=1', '/var/lib/cinder/backups']);
  return Number(stdout.split('\t')[0]);
}

async function inspect(lab: Lab, member: VnfMember, recovered: Recovered, protectedN: number, lastSeenN: number): Promise<MemberReport> {
  const id = recovered.servers.find((s) => s.name === member.name)?.id ?? '';
  const console = parseGuestConsole(lab.consoleLog('site2', id));
  const resumed = console.resumes.at(-1);
  const logs = await guestLogs(lab, 'site2', member.ip);
  const cloud = await connect(lab, 'site2');
  const [port] = await cloud.network.ports.list({ device_id: id }).finally(() => cloud.close());
  const pings = await eventually(`${member.ip} to answer a ping`, () => lab.ping('site2', network, member.ip));
  const sameMac = port?.mac_address === member.mac;
  const sameIp = port?.fixed_ips?.some((f) => f.ip_address === member.ip) === true;
  const consistent = resumed?.n1 !== undefined && resumed.n1 <= resumed.n0 && resumed.n0 <= resumed.n1 + 1;
  const fresh = (resumed?.n0 ?? 0) >= protectedN;
  return {
    name: member.name,
    ok: sameMac && sameIp && pings && logs.ok && consistent && fresh && console.errors.length === 0,
    mac: member.mac,
    ip: member.ip,
    sameMac,
    sameIp,
    answersPing: pings,
    resumedAt: { n0: resumed?.n0 ?? 0, n1: resumed?.n1 ?? 0 },
    consistent,
    holdsProtectedData: fresh,
    lostWrites: Math.max(0, lastSeenN - (resumed?.n0 ?? 0)),
    logs,
    guestErrors: console.errors,
  };
}
