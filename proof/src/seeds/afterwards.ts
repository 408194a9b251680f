import { guestInconsistencies } from '../world/guest-data.ts';
import { siteRows } from '../world/inventory.ts';
import type { Row } from '../world/canonical.ts';
import { jobRows, type JobRow } from '../world/catalogue.ts';
import { patiently, until } from '../world/until.ts';
import type { SeedRun, Start } from './run-seed.ts';

interface Group {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly activeSite: string;
  readonly members: readonly { readonly serverId: string }[];
}
interface Point {
  readonly id: string;
  readonly sequence: number;
  readonly state: string;
}

/** Codes that no trouble at a site excuses. */
const defects = new Set(['GW_INTERNAL', 'GW_UNEXPECTED', 'GW_WORKFLOW_STEP', 'GW_WORKFLOW_CHANGED', 'GW_JOB_ABANDONED', 'GW_UNSAFE_OBJECT_VERSION']);

/**
 * All faults are over. Then every job ends, every recovery point that counts is whole, and each group can be protected, verified, recovered
 * with sound data and purged, as if nothing had happened; of all that was made, nothing is left but the applications.
 */
export async function afterwards(run: SeedRun, _start: Start): Promise<string[]> {
  const { lane, databaseUrl, schedule, api } = run;
  const { emulator } = lane.sites;
  const wrong: string[] = [];
  const askAgain: typeof api.ask = (...asked) => patiently(() => api.ask(...asked));
  const jobs = await lane.quiet(databaseUrl, 90_000).catch(async (): Promise<JobRow[]> => {
    const open = (await jobRows(lane.database, databaseUrl)).filter((j) => !j.ended);
    const steps = await lane.database.query(databaseUrl, `SELECT name, state, attempts, error FROM godwit_job_steps WHERE job_id = ANY($1) AND state = 'running'`, [open.map((j) => j.id)]);
    wrong.push(`jobs do not end: ${JSON.stringify(open)} ${JSON.stringify(steps)}`);
    return [];
  });
  if (wrong.length > 0) return wrong;
  for (const job of jobs) if (job.error && defects.has(job.error.code)) wrong.push(`a ${job.workflow} job ended with a defect: ${JSON.stringify(job.error)}`);

  for (const { name } of schedule.groups) {
    const step = async (what: string, submit: () => Promise<{ jobId: string }>): Promise<JobRow | undefined> => {
      const { jobId } = await submit();
      const job = (await lane.quiet(databaseUrl, 60_000)).find((j) => j.id === jobId);
      if (job?.state !== 'succeeded') wrong.push(`${name}, when all is well again: ${what} ended as ${job?.state ?? 'nothing'}: ${JSON.stringify(job?.error)}`);
      return job?.state === 'succeeded' ? job : undefined;
    };
    const group = await askAgain<Group>('GET', `/v1/groups/${name}`);
    await startMembers(run, group);
    const points = (await askAgain<{ recoveryPoints: Point[] }>('GET', `/v1/groups/${name}/recovery-points`)).recoveryPoints;
    for (const point of points) {
      if (point.state === 'Pending') wrong.push(`${name}: recovery point ${point.sequence} is left Pending`);
      if (point.state !== 'Available') continue;
      const verified = await askAgain<{ ok: boolean; findings: unknown[] }>('POST', `/v1/recovery-points/${point.id}/verify`, {});
      if (!verified.ok) wrong.push(`${name}: recovery point ${point.sequence} counts, and is not whole: ${JSON.stringify(verified.findings)}`);
    }
    if (!(await step('protect', () => askAgain('POST', `/v1/groups/${name}/protect`, {})))) continue;
    const to = group.activeSite === 'site1' ? 'site2' : 'site1';
    if (!(await step('recover', () => askAgain('POST', `/v1/groups/${name}/recover`, { to })))) continue;
    const recovered = await askAgain<Group>('GET', `/v1/groups/${name}`);
    const servers = siteRows(emulator).filter((r) => r['kind'] === 'server' && recovered.members.some((m) => m.serverId === r['id']));
    for (const server of servers) wrong.push(...guestInconsistencies(emulator, server));
    await step('purge', () => askAgain('DELETE', `/v1/groups/${name}?purge=true`));
  }
  if (wrong.length > 0) return wrong;
  const groups = await lane.database.query(databaseUrl, 'SELECT doc FROM protection_groups');
  if (groups.length > 0) wrong.push('a purged group is left in the catalogue');
  // What goes by itself may take a moment.
  const epochs = await successfulEpochs(run);
  await until('', () => (orphans(siteRows(emulator), epochs).length === 0 ? true : undefined), 1_500).catch(() => undefined);
  return [...wrong, ...orphans(siteRows(emulator), epochs)];
}

/** A hypervisor that lost its power does not start its guests by itself: the operator does. */
async function startMembers(run: SeedRun, group: Group): Promise<void> {
  const cloud = await run.lane.sites.cloud(group.activeSite);
  for (const { serverId } of group.members) {
    const server = await cloud.compute.servers.get(serverId);
    if (server.status === 'SHUTOFF' && server.locked !== true) await cloud.compute.servers.start(serverId);
    await until(`${server.name} runs`, async () => {
      const now = await cloud.compute.servers.get(serverId);
      if (now.locked === true) throw new Error(`${server.name} at ${group.activeSite}, where ${group.name} is active, is locked: ${String(now.locked_reason)}`);
      return now.status === 'ACTIVE' ? true : undefined;
    }, 10_000);
  }
}

/** `group/epoch` of every recovery that was carried through: its servers are an application's. */
async function successfulEpochs(run: SeedRun): Promise<Set<string>> {
  const rows = await run.lane.database.query(run.databaseUrl, `SELECT labels->>'group' AS g, result->>'epoch' AS epoch FROM godwit_jobs WHERE workflow = 'recover' AND state = 'succeeded'`);
  return new Set(rows.map((r) => `${String(r['g'])}/${String(r['epoch'])}`));
}

/** What a purged group must not leave behind. Servers that an earlier epoch ran stay, stopped: they are the application's, too. */
function orphans(rows: readonly Row[], epochs: ReadonlySet<string>): string[] {
  const never = new Set(['snapshot', 'group-snapshot', 'volume-group', 'backup', 'queue']);
  const attached = new Set(rows.filter((r) => r['kind'] === 'server').flatMap((r) => [...(r['volumes'] as string[]), ...(r['ports'] as string[])]));
  const line = (r: Row): string => `left over at ${String(r['site'])}: ${JSON.stringify(r)}`;
  return rows.filter((r) => {
    const kind = String(r['kind']);
    if (never.has(kind)) return true;
    if (kind === 'image') return String(r['name']).startsWith('godwit-manifest');
    const metadata = (r['metadata'] ?? {}) as Record<string, string>;
    if (kind === 'server' && metadata['godwit_group'] !== undefined) return !epochs.has(`${metadata['godwit_group']}/${metadata['godwit_epoch'] ?? ''}`);
    if (kind === 'volume' || kind === 'port') return !attached.has(String(r['id'])) && !String(r['device_owner'] ?? r['deviceOwner'] ?? '').startsWith('network:');
    return false;
  }).map(line);
}
