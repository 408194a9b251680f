import { randomUUID } from 'node:crypto';
import { type Advice, type Caller, changedPolicy, type Group, type GroupChange, type GroupSpec, groupSpecSchema, type ProtectionService, type RecoveryPoint, type Report } from '@godwit/protection';
import { GodwitError, type SiteRegistry } from '@godwit/sites';
import type { FakeJobs } from './fake-jobs.ts';

const at = '2026-01-02T03:04:05.000Z';

/** The service with its tenancy rules, over nothing: what a job does is written by the test. */
export class FakeProtection implements ProtectionService {
  readonly groups = new Map<string, Group>();
  readonly points = new Map<string, RecoveryPoint>();
  readonly calls: unknown[][] = [];
  readonly #jobs: FakeJobs;
  readonly #sites: SiteRegistry;
  /** Findings of the next preflights. */
  findings: Report['findings'] = [];
  /** What every call fails with, while set. */
  failure: unknown;
  /** Called with each job that is made, to play it. */
  play: (jobId: string) => void = () => undefined;

  constructor(jobs: FakeJobs, sites: SiteRegistry) {
    this.#jobs = jobs;
    this.#sites = sites;
  }

  async createGroup(caller: Caller, input: GroupSpec): Promise<Group> {
    await this.#note('createGroup', caller, input);
    const spec = groupSpecSchema.parse(input);
    for (const site of [spec.site, spec.recoverySite]) this.#sites.get(site);
    const group: Group = {
      id: randomUUID(),
      name: spec.name,
      project: caller.project ?? { name: 'admin', domain: 'Default' },
      site: spec.site,
      recoverySite: spec.recoverySite,
      activeSite: spec.site,
      epoch: 1,
      state: 'New',
      members: spec.members.map((name, order) => ({ serverId: randomUUID(), name, order })),
      policy: spec.policy,
      conditions: [],
      createdAt: at,
      updatedAt: at,
    };
    this.groups.set(group.id, group);
    return group;
  }

  async listGroups(caller: Caller, { limit, after }: { readonly limit: number; readonly after?: string | undefined }): Promise<Group[]> {
    await this.#note('listGroups', caller);
    const all = [...this.groups.values()].filter((g) => owns(caller, g)).sort((a, b) => (a.name < b.name ? -1 : 1));
    const from = after === undefined ? 0 : all.findIndex((g) => g.id === after) + 1;
    return all.slice(from, from + limit);
  }

  async getGroup(caller: Caller, name: string): Promise<Group> {
    await this.#note('getGroup', caller, name);
    const group = [...this.groups.values()].find((g) => (g.id === name || g.name === name) && owns(caller, g));
    if (group) return group;
    throw new GodwitError('GW_GROUP_UNKNOWN', 'terminal', `there is no group ${name}`, { resource: `group ${name}`, action: 'List the groups of your project.' });
  }

  async changeGroup(caller: Caller, name: string, change: GroupChange): Promise<Group> {
    const group = await this.getGroup(caller, name);
    const changed = { ...group, policy: changedPolicy(group.policy, change) };
    this.groups.set(group.id, changed);
    return changed;
  }

  async deleteGroup(caller: Caller, name: string, { purge }: { purge: boolean }): Promise<{ jobId: string } | undefined> {
    const group = await this.getGroup(caller, name);
    this.groups.delete(group.id);
    return purge ? this.#submit(group, 'purge') : undefined;
  }

  async preflight(caller: Caller, name: string): Promise<Report> {
    const group = await this.getGroup(caller, name);
    return { ok: this.findings.length === 0, group: group.name, findings: this.findings, warnings: [], plan: ['quiesce vm1', 'snapshot'] };
  }

  async advise(caller: Caller, name: string): Promise<Advice> {
    const group = await this.getGroup(caller, name);
    const usable = this.findings.length === 0;
    return {
      group: group.name, site: group.site, recoverySite: group.recoverySite, ...(usable && { recommended: 'group-snapshot' as const }),
      methods: [
        { method: 'group-snapshot', current: true, usable, consistency: 'application', reasons: this.findings, expected: { points: 2, freezeWindowMs: 1_106, protectSeconds: 34, rpoSeconds: 634, rtoSeconds: 41.5 } },
        { method: 'server-image', current: false, usable: true, consistency: 'none', reasons: [], expected: { points: 0 } },
      ],
    };
  }

  async protect(caller: Caller, name: string): Promise<{ jobId: string }> {
    return this.#submit(await this.getGroup(caller, name), 'protect');
  }

  async listPoints(caller: Caller, name: string): Promise<RecoveryPoint[]> {
    const group = await this.getGroup(caller, name);
    return [...this.points.values()].filter((p) => p.groupId === group.id);
  }

  async getPoint(caller: Caller, id: string): Promise<RecoveryPoint> {
    await this.#note('getPoint', caller, id);
    const point = this.points.get(id);
    const group = point && this.groups.get(point.groupId);
    if (point && group && owns(caller, group)) return point;
    throw new GodwitError('GW_POINT_UNKNOWN', 'terminal', `there is no recovery point ${id}`, { resource: `recovery point ${id}` });
  }

  async verifyPoint(caller: Caller, id: string, { restore }: { restore: boolean }): ReturnType<ProtectionService['verifyPoint']> {
    const point = await this.getPoint(caller, id);
    const group = this.groups.get(point.groupId);
    if (restore && group) return this.#submit(group, 'verify');
    return { point: id, ok: this.findings.length === 0, restored: false, findings: this.findings };
  }

  async recoverPreflight(caller: Caller, name: string, options: { to: string }): Promise<Report> {
    this.#sites.get(options.to);
    return this.preflight(caller, name);
  }

  async resync(caller: Caller, name: string): Promise<{ jobId: string }> {
    return this.#submit(await this.getGroup(caller, name), 'resync');
  }

  async recover(caller: Caller, name: string, options: { to: string; point?: string }): Promise<{ jobId: string }> {
    await this.#note('recover', caller, name, options);
    this.#sites.get(options.to);
    return this.#submit(await this.getGroup(caller, name), 'recover');
  }

  async rebuildCatalog(caller: Caller, site: string): ReturnType<ProtectionService['rebuildCatalog']> {
    await this.#note('rebuildCatalog', caller, site);
    return { site, groups: ['vnf'], points: ['p1', 'p2'], findings: this.findings };
  }

  async quiesceServer(caller: Caller, site: string, server: string, options: { limitSeconds: number }): ReturnType<ProtectionService['quiesceServer']> {
    await this.#note('quiesceServer', caller, site, server, options);
    return { server, site, frozen: true, elapsedMs: 41, thawsAt: at };
  }

  async unquiesceServer(caller: Caller, site: string, server: string): ReturnType<ProtectionService['unquiesceServer']> {
    await this.#note('unquiesceServer', caller, site, server);
    return { server, site, frozen: false, elapsedMs: 12 };
  }

  start(): void {}

  close(): Promise<void> {
    return Promise.resolve();
  }

  #note(...call: unknown[]): Promise<void> {
    this.calls.push(call);
    return this.failure === undefined ? Promise.resolve() : Promise.reject(this.failure as Error);
  }

  #submit(group: Group, kind: string): { jobId: string } {
    const id = randomUUID();
    this.#jobs.add({ id, workflow: kind, labels: { group: group.id, project: `${group.project.domain}/${group.project.name}`, kind } });
    this.play(id);
    return { jobId: id };
  }
}

const owns = (caller: Caller, group: Group): boolean =>
  caller.admin || (caller.project?.name === group.project.name && caller.project.domain === group.project.domain);
