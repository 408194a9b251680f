import { buildRouteMap } from '@stricli/core';
import type { JobRef } from '../api/types.ts';
import type { StarCheck, StarCondition, StarKeys, StarMatrix, StarNode, StarReport, StarRevocation, StarStatus } from '../api/star-types.ts';
import { type Cli, confirmed } from '../cli.ts';
import { command, type Context, string } from '../command.ts';
import { exit } from '../exit-codes.ts';
import { ago, bytes, duration } from '../output/humane.ts';
import type { Column } from '../output/printer.ts';
import { findingColumns, outcome } from './job-outcome.ts';

const flag = (brief: string) => ({ kind: 'boolean', optional: true, withNegated: false, brief }) as const;
const noWait = flag('Do not wait for the job');
const wait = flag('Wait for the job (the default)');
const yes = flag('Do not ask');
const dryRun = flag('Only check whether it could, and say what would be done');
const base = '/v1/identity';
const ofSite = (site: string, rest: string): string => `${base}/sites/${encodeURIComponent(site)}/${rest}`;
const ofNode = (node: string, rest: string): string => `${base}/nodes/${encodeURIComponent(node)}/${rest}`;

const nodeColumns: Column<StarNode>[] = [
  { key: 'site', header: 'Site', value: (n) => n.site },
  { key: 'name', header: 'Node', value: (n) => n.name },
  { key: 'connected', header: 'Agent', value: (n) => n.connected, text: (n) => (n.connected ? 'connected' : 'AWAY') },
  { key: 'ready', header: 'Serves', value: (n) => n.ready, text: (n) => (n.ready === undefined ? '?' : n.ready ? 'yes' : 'NO') },
  { key: 'fernet', header: 'Token keys', value: (n) => n.keys['fernet']?.generation, text: (n) => keysText(n, 'fernet') },
  { key: 'credential', header: 'Credential keys', value: (n) => n.keys['credential']?.generation, text: (n) => keysText(n, 'credential') },
  { key: 'database', header: 'Database', value: (n) => n.database?.state, text: (n) => (n.database ? `${n.database.state}${n.database.detour === true ? ' (detour)' : ''}` : '') },
  { key: 'source', header: 'Fed by', value: (n) => n.database?.source },
  { key: 'lagSeconds', header: 'Lag', value: (n) => n.database?.lagSeconds, text: (n) => (n.database?.lagSeconds === undefined ? '' : `${n.database.lagSeconds} s`) },
  { key: 'gtid', header: 'GTID', value: (n) => n.database?.gtid },
  { key: 'clockSkewMs', header: 'Clock', value: (n) => n.clockSkewMs, text: (n) => (n.clockSkewMs === undefined ? '' : `${n.clockSkewMs} ms`), hidden: true },
  { key: 'diskFreeBytes', header: 'Disk free', value: (n) => n.diskFreeBytes, text: (n) => (n.diskFreeBytes === undefined ? '' : bytes(n.diskFreeBytes)), hidden: true },
];

const keysText = (n: StarNode, kind: string): string => {
  const keys = n.keys[kind];
  return keys === undefined ? '' : `${keys.generation}${keys.inPlace ? '' : ' DIFFER'}`;
};

const keyColumns = (now: Date): Column<StarKeys>[] => [
  { key: 'kind', header: 'Keys', value: (k) => k.kind },
  { key: 'generation', header: 'Generation', value: (k) => k.generation },
  { key: 'phase', header: 'Phase', value: (k) => k.phase },
  { key: 'proven', header: 'At every node', value: (k) => k.proven, text: (k) => (k.proven ? 'yes' : 'NO') },
  { key: 'keys', header: 'Held', value: (k) => k.keys.length },
  { key: 'rotatedAt', header: 'Rotated', value: (k) => k.rotatedAt, text: (k) => (k.rotatedAt === undefined ? '' : ago(k.rotatedAt, now)) },
  { key: 'nextRotation', header: 'Next', value: (k) => k.nextRotation, text: (k) => (k.nextRotation === undefined ? 'by hand' : ago(k.nextRotation, now)) },
  { key: 'jobId', header: 'Under way', value: (k) => k.jobId },
];

/** Rows: where tokens are from; columns: where they are asked about. */
function noteMatrix(cli: Cli, matrix: StarMatrix): void {
  const sites = [...new Set(matrix.cells.flatMap((c) => [c.from, c.to]))].sort();
  const text = (from: string, to: string): string => {
    const cell = matrix.cells.find((c) => c.from === from && c.to === to);
    return cell === undefined ? '' : cell.ok ? `${Math.round(cell.latencyMs)} ms` : `NO: ${cell.targets.filter((t) => !t.ok).map((t) => t.target).join(', ')}`;
  };
  cli.print.noteTable(['Tokens of', ...sites.map((s) => `at ${s}`)], sites.map((from) => [from, ...sites.map((to) => text(from, to))]));
  if (matrix.revocation) noteRevocation(cli, matrix.revocation);
}

const noteRevocation = (cli: Cli, r: StarRevocation): void => cli.print.note(`revoked at ${r.from}, refused after: ${Object.entries(r.refusedAfterMs).map(([site, ms]) => `${site} ${ms === null ? 'NOT AT ALL' : duration(ms)}`).join(', ')}`);

const status = command({
  brief: 'Show the Keystone star: keys, nodes, databases, whether tokens are good everywhere',
  description: 'Ends with 1 when something is not as it should be.',
  run: async (cli) => {
    const star = await cli.api.get<StarStatus>(base);
    const now = cli.io.now();
    if (cli.print.format === 'json' || cli.print.format === 'yaml') await cli.print.show(star, []);
    else {
      cli.print.noteTable(['Site', 'Role', 'State', 'Region', 'URL'], star.sites.map((s) => [s.name, s.role, s.state, s.region ?? '', s.url]));
      if (cli.print.format === 'table') cli.print.noteTable(keyColumns(now).map((c) => c.header), star.keys.map((k) => keyColumns(now).map((c) => c.text?.(k) ?? String(c.value(k) ?? ''))));
      await cli.print.list(star.sites.flatMap((s) => s.nodes), nodeColumns);
      noteMatrix(cli, star.probe);
      const bad = star.conditions.filter((c: StarCondition) => c.status !== 'True');
      cli.print.noteTable(['About', 'Condition', 'Reason', 'Since', 'Message'], bad.map((c) => [c.scope, c.type, c.reason, ago(c.since, now), c.message]));
    }
    return star.ok ? exit.ok : exit.failed;
  },
});

const resultColumns: Column<Record<string, unknown>>[] = ['kind', 'generation', 'primary', 'keys', 'nodes', 'dropped', 'node', 'site', 'state', 'source', 'seeded', 'fernet', 'credential', 'rotation', 'seconds', 'gtid'].map((key) => ({
  key, header: key[0]?.toUpperCase() + key.slice(1), value: (r) => r[key], text: (r) => (Array.isArray(r[key]) ? (r[key] as string[]).join(', ') : String(r[key] as string)),
}));

const showResult = (cli: Cli) => async (result: unknown): Promise<void> => {
  if (typeof result !== 'object' || result === null) return;
  const row = result as Record<string, unknown>;
  await cli.print.show(row, resultColumns.filter((c) => row[c.key] !== undefined));
};

async function showStarReport(cli: Cli, report: StarReport): Promise<number> {
  if (cli.print.format !== 'table') await cli.print.show(report, [{ key: 'ok', header: 'OK', value: (r) => r.ok }, { key: 'findings', header: 'Findings', value: (r) => r.findings }, { key: 'plan', header: 'Plan', value: (r) => r.plan }]);
  else if (report.ok) cli.print.note(`${report.subject}: nothing is missing\n${report.plan.map((p, i) => `  ${i + 1}. ${p}`).join('\n')}`);
  else {
    cli.print.note(`${report.subject}: refused; nothing was changed`);
    await cli.print.list(report.findings, findingColumns);
  }
  return report.ok ? exit.ok : exit.refused;
}

interface RotateFlags {
  readonly kind?: 'fernet' | 'credential';
  readonly dryRun?: boolean;
  readonly wait?: boolean;
  readonly noWait?: boolean;
}

const rotate = command<RotateFlags>({
  brief: 'Rotate the keys of tokens, or of credentials, at all nodes in lock-step',
  description: 'Every node must show that it has a key before any signs with it; a node that is away is waited for where that is safe. What no living token can need is dropped.',
  flags: { kind: { kind: 'enum', values: ['fernet', 'credential'], optional: true, brief: 'Which keys (default fernet)' }, dryRun, wait, noWait },
  run: async (cli, { flags }) => {
    const body = { kind: flags.kind ?? 'fernet' };
    if (flags.dryRun === true) return await showStarReport(cli, (await cli.api.post<StarReport>(`${base}/rotate`, { ...body, dryRun: true })).body);
    const answer = await cli.api.post<JobRef>(`${base}/rotate`, body);
    return await outcome(cli, answer.body, flags.noWait === true, showResult(cli));
  },
});

const adopt = command<{ readonly yes?: boolean; readonly noWait?: boolean }, [{ name: 'node'; brief: string; optional: true }]>({
  brief: 'Take over the keys of a Keystone that runs: the star begins with them',
  args: [{ name: 'node', brief: 'Its node; left out: the first of the first master site', optional: true }],
  flags: { yes, noWait },
  run: async (cli, { flags, args }) => {
    await confirmed(cli, flags.yes === true, `Take over the keys of ${args.node ?? 'the first master'}? From then on Godwit rotates them; stop what rotates them now.`);
    const { body } = await cli.api.post<JobRef>(`${base}/adopt`, args.node === undefined ? {} : { node: args.node });
    return await outcome(cli, body, flags.noWait === true, showResult(cli));
  },
});

const restore = command<{ readonly yes?: boolean; readonly noWait?: boolean }, [{ name: 'node'; brief: string }]>({
  brief: 'Put the star’s keys back at a node whose key repository somebody changed',
  args: [{ name: 'node', brief: 'Its name' }],
  flags: { yes, noWait },
  run: async (cli, { flags, args }) => {
    await confirmed(cli, flags.yes === true, `Put the star’s keys back at ${args.node}? Tokens that foreign keys there have signed are refused then.`);
    const { body } = await cli.api.post<JobRef>(ofNode(args.node, 'restore'));
    return await outcome(cli, body, flags.noWait === true, showResult(cli));
  },
});

const repoint = command<{ readonly to?: string; readonly seed?: boolean; readonly noWait?: boolean }, [{ name: 'node'; brief: string }]>({
  brief: 'Let a replica follow another master, by GTID',
  description: 'Happens by itself when its master is gone, and back again.',
  args: [{ name: 'node', brief: 'Its name' }],
  flags: { to: { kind: 'parsed', parse: string, optional: true, placeholder: 'SITE', brief: 'A master site; left out: its own if that lives, else another' }, seed: flag('Rebuild it from a dump instead'), noWait },
  run: async (cli, { flags, args }) => {
    const { body } = await cli.api.post<JobRef>(ofNode(args.node, 'repoint'), { ...(flags.to !== undefined && { to: flags.to }), ...(flags.seed === true && { seed: true }) });
    return await outcome(cli, body, flags.noWait === true, showResult(cli));
  },
});

interface JoinFlags {
  readonly dryRun?: boolean;
  readonly noWait?: boolean;
}

const join = command<JoinFlags, [{ name: 'site'; brief: string }]>({
  brief: 'Take a site into the star',
  description: 'Seeds its replicas, delivers the keys, makes region and endpoints, tries tokens in both directions, and only then announces it.',
  args: [{ name: 'site', brief: 'Its name' }],
  flags: { dryRun, noWait },
  run: async (cli, { flags, args }) => {
    const url = ofSite(args.site, 'join');
    if (flags.dryRun === true) return await showStarReport(cli, (await cli.api.post<StarReport>(url, { dryRun: true })).body);
    return await outcome(cli, (await cli.api.post<JobRef>(url)).body, flags.noWait === true, showResult(cli));
  },
});

const leave = command<JoinFlags & { readonly lost?: boolean; readonly yes?: boolean }, [{ name: 'site'; brief: string }]>({
  brief: 'Take a site out of the star',
  args: [{ name: 'site', brief: 'Its name' }],
  flags: { lost: flag('It is gone for good: do not wait for its nodes'), dryRun, yes, noWait },
  run: async (cli, { flags, args }) => {
    const url = ofSite(args.site, 'leave');
    const body = flags.lost === true ? { lost: true } : {};
    if (flags.dryRun === true) return await showStarReport(cli, (await cli.api.post<StarReport>(url, { ...body, dryRun: true })).body);
    await confirmed(cli, flags.yes === true, `Take ${args.site} out of the star? Its Keystones serve nobody any more.`);
    return await outcome(cli, (await cli.api.post<JobRef>(url, body)).body, flags.noWait === true, showResult(cli));
  },
});

const cellColumns: Column<StarMatrix['cells'][number]>[] = [
  { key: 'from', header: 'Tokens of', value: (c) => c.from },
  { key: 'to', header: 'At', value: (c) => c.to },
  { key: 'ok', header: 'Good', value: (c) => c.ok, text: (c) => (c.ok ? 'yes' : 'NO') },
  { key: 'latencyMs', header: 'Time', value: (c) => c.latencyMs, text: (c) => duration(c.latencyMs) },
  { key: 'validations', header: 'Validations', value: (c) => c.validations },
  { key: 'refusals', header: 'Refusals', value: (c) => c.refusals },
  { key: 'message', header: 'What', value: (c) => c.targets.find((t) => !t.ok)?.message },
];

const probe = command<{ readonly revocation?: string }>({
  brief: 'Try tokens of every site at every Keystone of every other, now',
  description: 'Ends with 1 when one is refused. With --revocation SITE: how long a token of that site is still taken after it was revoked.',
  flags: { revocation: { kind: 'parsed', parse: string, optional: true, placeholder: 'SITE', brief: 'Revoke a token of this site instead' } },
  run: async (cli, { flags }) => {
    if (flags.revocation !== undefined) {
      const { body } = await cli.api.post<StarRevocation>(ofSite(flags.revocation, 'revocation'));
      await cli.print.list(Object.entries(body.refusedAfterMs).map(([site, ms]) => ({ site, ms })), [
        { key: 'site', header: 'Site', value: (r) => r.site },
        { key: 'ms', header: 'Refused after', value: (r) => r.ms, text: (r) => (r.ms === null ? 'NOT AT ALL' : duration(r.ms)) },
      ]);
      return Object.values(body.refusedAfterMs).includes(null) ? exit.failed : exit.ok;
    }
    const { body } = await cli.api.post<StarMatrix>(`${base}/probe`);
    await cli.print.list(body.cells, cellColumns);
    if (body.revocation) noteRevocation(cli, body.revocation);
    return body.cells.every((c) => c.ok) ? exit.ok : exit.failed;
  },
});

const kinds = ['haproxy', 'keystone', 'authtoken', 'mariadb'] as const;

const render = command<{ readonly site: string }, [{ name: 'what'; brief: string; optional: true }]>({
  brief: 'Print the configuration of a site’s HAProxy, Keystones, services or MariaDB',
  args: [{ name: 'what', brief: `${kinds.join(', ')}; left out: all`, optional: true }],
  flags: { site: { kind: 'parsed', parse: string, placeholder: 'SITE', brief: 'Which site' } },
  run: async (cli, { flags, args }) => {
    const wanted = args.what === undefined ? kinds : [args.what];
    const answers = await Promise.all(wanted.map((what) => cli.api.get<{ site: string; what: string; text: string }>(ofSite(flags.site, `render/${encodeURIComponent(what)}`))));
    // As it is, so that it can be written to a file.
    if (cli.print.format === 'table' || cli.print.format === 'value') cli.io.stdout.write(answers.map((a) => a.text).join('\n'));
    else await cli.print.list(answers, [{ key: 'what', header: 'What', value: (a) => a.what }, { key: 'text', header: 'Text', value: (a) => a.text }]);
  },
});

const check = command<{ readonly site: string }>({
  brief: 'Hold what a site of the star needs against what is there',
  description: 'Policy, keys, clocks, databases, catalogue, and a harmless write through the site’s address. Ends with 1 when something is missing.',
  flags: { site: { kind: 'parsed', parse: string, placeholder: 'SITE', brief: 'Which site' } },
  run: async (cli, { flags }) => {
    const { body } = await cli.api.post<StarCheck>(ofSite(flags.site, 'check'));
    await cli.print.list(body.checks, [
      { key: 'check', header: 'Check', value: (c) => c.check },
      { key: 'ok', header: 'OK', value: (c) => c.ok, text: (c) => (c.ok ? 'yes' : 'NO') },
      { key: 'code', header: 'Error', value: (c) => c.code },
      { key: 'message', header: 'What', value: (c) => c.message },
      { key: 'action', header: 'What to do', value: (c) => c.action },
    ]);
    return body.ok ? exit.ok : exit.failed;
  },
});

export const identityRoutes = buildRouteMap<string, Context>({
  routes: { status, rotate, probe, join, leave, repoint, render, check, adopt, restore },
  docs: { brief: 'The Keystone star: one identity over all sites' },
});
