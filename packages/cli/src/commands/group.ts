import { buildRouteMap } from '@stricli/core';
import { z } from 'zod';
import type { Advice, Group, JobRef } from '../api/types.ts';
import { type Cli, confirmed } from '../cli.ts';
import { command, type Context, integer, string } from '../command.ts';
import { ago, bytes, duration } from '../output/humane.ts';
import type { Column } from '../output/printer.ts';
import { outcome } from './job-outcome.ts';

const path = (group: string): string => `/v1/groups/${encodeURIComponent(group)}`;
const names = (g: Group): string[] => g.members.toSorted((a, b) => a.order - b.order).map((m) => m.name);

const listColumns: Column<Group>[] = [
  { key: 'name', header: 'Name', value: (g) => g.name },
  { key: 'state', header: 'State', value: (g) => g.state },
  { key: 'progression', header: 'Progression', value: (g) => g.progression },
  { key: 'activeSite', header: 'Active at', value: (g) => g.activeSite },
  { key: 'recoverySite', header: 'Recovery site', value: (g) => g.recoverySite },
  { key: 'members', header: 'Members', value: names, text: (g) => names(g).join(', ') },
  { key: 'project', header: 'Project', value: (g) => `${g.project.domain}/${g.project.name}`, hidden: true },
  { key: 'id', header: 'ID', value: (g) => g.id },
];

const showColumns = (now: Date): Column<Group>[] => [
  ...listColumns.map((c) => ({ ...c, hidden: false })),
  { key: 'site', header: 'Created at site', value: (g) => g.site },
  { key: 'epoch', header: 'Epoch', value: (g) => g.epoch },
  {
    key: 'policy',
    header: 'Policy',
    value: (g) => g.policy,
    text: ({ policy: p }) => `${p.method}${p.mirrorMode === undefined ? '' : ` (${p.mirrorMode})`}, frozen at most ${p.freezeLimitSeconds} s, ${p.retain} points kept, full every ${p.fullEvery}${p.backupZone === undefined ? '' : `, backups in zone ${p.backupZone}`}${p.groupConsistent === true ? ', of one moment over all members' : ''}`,
  },
  { key: 'createdAt', header: 'Created', value: (g) => g.createdAt, text: (g) => ago(g.createdAt, now) },
  { key: 'updatedAt', header: 'Updated', value: (g) => g.updatedAt, text: (g) => ago(g.updatedAt, now) },
];

const methods = ['group-snapshot', 'server-image', 'replication'] as const;
const mirrorModes = ['snapshot', 'journal'] as const;

interface PolicyFlags {
  readonly method?: (typeof methods)[number];
  readonly groupConsistent?: boolean;
  readonly freezeLimit?: number;
  readonly retain?: number;
  readonly fullEvery?: number;
  readonly backupZone?: string;
  readonly mirrorMode?: (typeof mirrorModes)[number];
}

const policyFlags = {
  method: { kind: 'enum', values: methods, optional: true, brief: 'How points are made (default group-snapshot): docs/users/methods.md' },
  groupConsistent: { kind: 'boolean', optional: true, brief: 'Every point must show all members at one moment: a method that cannot is refused' },
  freezeLimit: { kind: 'parsed', parse: integer(5, 300), optional: true, placeholder: 'SECONDS', brief: 'No guest stays frozen longer (default 30)' },
  retain: { kind: 'parsed', parse: integer(1, 365), optional: true, placeholder: 'N', brief: 'Recovery points kept (default 7)' },
  fullEvery: { kind: 'parsed', parse: integer(1, 100), optional: true, placeholder: 'N', brief: 'A full backup every so many points (default 14)' },
  backupZone: { kind: 'parsed', parse: string, optional: true, placeholder: 'ZONE', brief: 'Availability zone of the cinder-backup to use (default: the volume’s)' },
  mirrorMode: { kind: 'enum', values: mirrorModes, optional: true, brief: 'Of replication: ship a point when it is made (snapshot, default), or every write (journal)' },
} as const;

const policyOf = ({ method, groupConsistent, freezeLimit, retain, fullEvery, backupZone, mirrorMode }: PolicyFlags): object => ({
  ...(method !== undefined && { method }),
  ...(groupConsistent !== undefined && { groupConsistent }),
  ...(freezeLimit !== undefined && { freezeLimitSeconds: freezeLimit }),
  ...(retain !== undefined && { retain }),
  ...(fullEvery !== undefined && { fullEvery }),
  ...(backupZone !== undefined && { backupZone }),
  ...(mirrorMode !== undefined && { mirrorMode }),
});

/** Said whenever it is chosen: nothing later tells it until the group is needed. */
function sayMoment(cli: Cli, group: Group): void {
  if (group.policy.method === 'server-image' && group.members.length > 1) cli.print.note('Method server-image: each server is protected at a moment of its own. The servers of this group are not consistent with each other.');
}

interface CreateFlags extends PolicyFlags {
  readonly site: string;
  readonly recoverySite: string;
  readonly member: readonly string[];
}

const create = command<CreateFlags, [{ name: 'name'; brief: string }]>({
  brief: 'Declare a protection group',
  description: 'Members are frozen and booted in the order given.',
  args: [{ name: 'name', brief: 'Name of the group' }],
  flags: {
    site: { kind: 'parsed', parse: string, placeholder: 'SITE', brief: 'Where the members run' },
    recoverySite: { kind: 'parsed', parse: string, placeholder: 'SITE', brief: 'Where the group comes back' },
    member: { kind: 'parsed', parse: string, variadic: true, placeholder: 'SERVER', brief: 'Name or id of a server; repeat in order' },
    ...policyFlags,
  },
  run: async (cli, { flags, args }) => {
    const { site, recoverySite, member } = flags;
    const { body } = await cli.api.post<Group>('/v1/groups', { name: args.name, site, recoverySite, members: member, policy: policyOf(flags) });
    await cli.print.show(body, showColumns(cli.io.now()));
    sayMoment(cli, body);
  },
});

interface SetFlags extends PolicyFlags {
  readonly anyBackupZone?: boolean;
}

const set = command<SetFlags, [{ name: 'group'; brief: string }]>({
  brief: 'Change a group’s policy, from its next recovery point on',
  description: 'The recovery points that there are stay, and are recovered by the method that made them.',
  args: [{ name: 'group', brief: 'Name or id' }],
  flags: { ...policyFlags, anyBackupZone: { kind: 'boolean', optional: true, withNegated: false, brief: 'Leave the choice of the cinder-backup to Cinder again' } },
  run: async (cli, { flags, args }) => {
    const { body } = await cli.api.send<Group>('PATCH', path(args.group), { policy: { ...policyOf(flags), ...(flags.anyBackupZone === true && { backupZone: null }) } });
    await cli.print.show(body, showColumns(cli.io.now()));
    sayMoment(cli, body);
  },
});

const list = command({
  brief: 'List the groups of the project',
  run: async (cli) => {
    const groups: Group[] = [];
    for (let after: string | undefined, more = true; more; ) {
      const page = await cli.api.get<{ groups: Group[]; next?: string }>(`/v1/groups?limit=500${after === undefined ? '' : `&after=${after}`}`);
      groups.push(...page.groups);
      after = page.next;
      more = after !== undefined;
    }
    await cli.print.list(groups, listColumns);
  },
});

const show = command({
  brief: 'Show a group, with its members and conditions',
  args: [{ name: 'group', brief: 'Name or id' }],
  run: async (cli, { args }) => {
    const group = await cli.api.get<Group>(path(args.group));
    const now = cli.io.now();
    await cli.print.show(group, showColumns(now));
    cli.print.noteTable(['Order', 'Member', 'Server'], group.members.toSorted((a, b) => a.order - b.order).map((m) => [String(m.order), m.name, m.serverId]));
    cli.print.noteTable(['Condition', 'Status', 'Reason', 'Since', 'Message'], group.conditions.map((c) => [c.type, c.status, c.reason, ago(c.since, now), c.message]));
  },
});

type Advised = Advice['methods'][number] & { readonly recommended: boolean };
const seconds = (n: number | undefined): string => (n === undefined ? '' : duration(n * 1_000));

const adviceColumns: Column<Advised>[] = [
  { key: 'method', header: 'Method', value: (m) => m.method, text: (m) => `${m.method}${m.current ? ' (chosen)' : ''}` },
  { key: 'usable', header: 'Usable', value: (m) => m.usable, text: (m) => (m.usable ? 'yes' : 'no') },
  { key: 'consistency', header: 'Consistency', value: (m) => m.consistency },
  { key: 'points', header: 'Points measured', value: (m) => m.expected.points },
  { key: 'freezeWindowMs', header: 'Frozen at most', value: (m) => m.expected.freezeWindowMs, text: (m) => (m.expected.freezeWindowMs === undefined ? '' : duration(m.expected.freezeWindowMs)) },
  { key: 'protectSeconds', header: 'A point takes', value: (m) => m.expected.protectSeconds, text: (m) => seconds(m.expected.protectSeconds) },
  { key: 'rpoSeconds', header: 'RPO', value: (m) => m.expected.rpoSeconds, text: (m) => seconds(m.expected.rpoSeconds) },
  { key: 'rtoSeconds', header: 'RTO', value: (m) => m.expected.rtoSeconds, text: (m) => seconds(m.expected.rtoSeconds) },
  { key: 'imageBytes', header: 'Images', value: (m) => m.expected.imageBytes, text: (m) => (m.expected.imageBytes === undefined ? '' : bytes(m.expected.imageBytes)) },
];

const adviseCommand = command({
  brief: 'Which methods a group can use now, why not the others, and what was measured of them',
  description: 'Looks at the members and both sites as a protect would; changes nothing.',
  args: [{ name: 'group', brief: 'Name or id' }],
  run: async (cli, { args }) => {
    const advice = await cli.api.get<Advice>(`${path(args.group)}/advice`);
    await cli.print.list(advice.methods.map((m) => ({ ...m, recommended: m.method === advice.recommended })), adviceColumns);
    cli.print.noteTable(['Method', 'Why not', 'What to do'], advice.methods.flatMap((m) => m.reasons.map((r) => [m.method, r.message, r.action ?? ''])));
    cli.print.note(advice.recommended === undefined ? 'No method can be used now.' : `Recommended: ${advice.recommended}.`);
  },
});

interface ResyncFlags {
  readonly keep?: boolean;
  readonly yes?: boolean;
  readonly noWait?: boolean;
}

const resyncSchema = z.looseObject({ images: z.array(z.string()), kept: z.array(z.string()) });
type Resynced = z.infer<typeof resyncSchema> & { readonly group: string; readonly site: string };

const resyncColumns: readonly Column<Resynced>[] = [
  { key: 'group', header: 'Group', value: (r) => r.group },
  { key: 'site', header: 'Given up at', value: (r) => r.site },
  { key: 'images', header: 'Images', value: (r) => r.images, text: (r) => r.images.join('\n') },
  { key: 'kept', header: 'Kept there', value: (r) => r.kept, text: (r) => r.kept.join('\n') },
];

const resync = command<ResyncFlags, [{ name: 'group'; brief: string }]>({
  brief: 'Give up what a group’s images hold at the site where it does not run, and copy them anew',
  description: 'After an unplanned recovery of a replicated group both sites are primary, and neither follows the other. Nothing is given up unasked; a copy stays unless --no-keep.',
  args: [{ name: 'group', brief: 'Name or id' }],
  flags: {
    keep: { kind: 'boolean', optional: true, brief: 'Keep a copy of what is given up (default)' },
    yes: { kind: 'boolean', optional: true, withNegated: false, brief: 'Do not ask' },
    noWait: { kind: 'boolean', optional: true, withNegated: false, brief: 'Do not wait for the job' },
  },
  run: async (cli, { flags, args }) => {
    const { name, activeSite, site, recoverySite } = await cli.api.get<Group>(path(args.group));
    const other = activeSite === site ? recoverySite : site;
    await confirmed(cli, flags.yes === true, `Give up what the images of group ${name} hold at ${other}${flags.keep === false ? ', without a copy' : ''}?`);
    const { body } = await cli.api.post<JobRef>(`${path(args.group)}/resync`, { keep: flags.keep !== false });
    return await outcome(cli, body, flags.noWait === true, async (result) => {
      const { data } = resyncSchema.safeParse(result);
      if (data) await cli.print.show({ group: name, site: other, ...data }, resyncColumns);
    });
  },
});

interface DeleteFlags {
  readonly purge?: boolean;
  readonly yes?: boolean;
  readonly noWait?: boolean;
}

const remove = command<DeleteFlags, [{ name: 'group'; brief: string }]>({
  brief: 'Forget a group; with --purge its recovery points too',
  args: [{ name: 'group', brief: 'Name or id' }],
  flags: {
    purge: { kind: 'boolean', optional: true, withNegated: false, brief: 'Delete its backups and manifests at both sites as well' },
    yes: { kind: 'boolean', optional: true, withNegated: false, brief: 'Do not ask' },
    noWait: { kind: 'boolean', optional: true, withNegated: false, brief: 'Do not wait for the job' },
  },
  run: async (cli, { flags, args }) => {
    const { name } = await cli.api.get<Group>(path(args.group));
    const purge = flags.purge === true;
    await confirmed(cli, flags.yes === true, purge ? `Delete group ${name} and all its recovery points?` : `Forget group ${name}? Its recovery points stay at the sites.`);
    const { status, body } = await cli.api.send<JobRef | undefined>('DELETE', `${path(args.group)}${purge ? '?purge=true' : ''}`);
    if (status === 202 && body) return await outcome(cli, body, flags.noWait === true, async () => undefined);
  },
});

export const groupRoutes = buildRouteMap<'create' | 'list' | 'show' | 'set' | 'advise' | 'resync' | 'delete', Context>({
  routes: { create, list, show, set, advise: adviseCommand, resync, delete: remove },
  docs: { brief: 'Protection groups' },
});
