import { buildRouteMap } from '@stricli/core';
import type { JobRef, RecoveryPoint, VerifyResult } from '../api/types.ts';
import type { Cli } from '../cli.ts';
import { command, type Context } from '../command.ts';
import { exit } from '../exit-codes.ts';
import { ago, duration } from '../output/humane.ts';
import type { Column } from '../output/printer.ts';
import { noteFindings, outcome } from './job-outcome.ts';

const ms = (n: number | undefined): string => (n === undefined ? '' : duration(n));

const listColumns = (now: Date): Column<RecoveryPoint>[] => [
  { key: 'sequence', header: '#', value: (p) => p.sequence },
  { key: 'id', header: 'ID', value: (p) => p.id },
  { key: 'state', header: 'State', value: (p) => p.state },
  { key: 'frozenAt', header: 'Data of', value: (p) => p.frozenAt, text: (p) => (p.frozenAt === undefined ? '' : ago(p.frozenAt, now)) },
  { key: 'incremental', header: 'Kind', value: (p) => p.incremental, text: (p) => (p.incremental ? 'incremental' : 'full') },
  { key: 'method', header: 'Method', value: (p) => p.method ?? 'group-snapshot' },
  { key: 'consistency', header: 'Consistency', value: (p) => p.consistency },
  { key: 'freezeWindowMs', header: 'Frozen for', value: (p) => p.freezeWindowMs, text: (p) => ms(p.freezeWindowMs) },
  { key: 'sourceSite', header: 'From', value: (p) => p.sourceSite },
  { key: 'recoverySite', header: 'Lies at', value: (p) => p.recoverySite },
  { key: 'error', header: 'Error', value: (p) => p.error, text: (p) => p.error?.code ?? '' },
];

export const pointColumns = (now: Date): Column<RecoveryPoint>[] => [
  { key: 'id', header: 'ID', value: (p) => p.id },
  { key: 'group', header: 'Group', value: (p) => p.groupName },
  ...listColumns(now).filter((c) => c.key !== 'id' && c.key !== 'error'),
  { key: 'groupSnapshotMs', header: 'Group snapshot', value: (p) => p.groupSnapshotMs, text: (p) => ms(p.groupSnapshotMs) },
  { key: 'epoch', header: 'Epoch', value: (p) => p.epoch },
  { key: 'createdAt', header: 'Created', value: (p) => p.createdAt, text: (p) => ago(p.createdAt, now) },
  { key: 'manifest', header: 'Manifest', value: (p) => p.manifest, text: (p) => (p.manifest ? `image ${p.manifest.imageId}` : '') },
  { key: 'jobId', header: 'Job', value: (p) => p.jobId },
  { key: 'error', header: 'Error', value: (p) => p.error, text: (p) => (p.error ? `${p.error.code}: ${p.error.message}` : '') },
];

export async function showPoint(cli: Cli, point: RecoveryPoint): Promise<void> {
  await cli.print.show(point, pointColumns(cli.io.now()));
  cli.print.noteTable(
    ['Volume', 'Device', 'Size', 'Kind', 'Chain'],
    point.volumes.map((v) => [v.name === '' ? v.volumeId : v.name, v.device, `${v.sizeGiB} GiB`, v.incremental ? 'incremental' : 'full', `${v.chain.length} backups`]),
  );
  const images = point.images ?? [];
  if (images.length > 0) cli.print.noteTable(['Root disk of', 'Image', 'Format', 'Size'], images.map((i) => [i.serverName, i.imageId, i.diskFormat, `${Math.ceil(i.sizeBytes / 2 ** 20)} MiB`]));
}

const list = command({
  brief: 'List the recovery points of a group',
  args: [{ name: 'group', brief: 'Name or id' }],
  run: async (cli, { args }) => {
    const { recoveryPoints } = await cli.api.get<{ recoveryPoints: RecoveryPoint[] }>(`/v1/groups/${encodeURIComponent(args.group)}/recovery-points`);
    await cli.print.list(recoveryPoints, listColumns(cli.io.now()));
  },
});

const show = command({
  brief: 'Show a recovery point, with its volumes',
  args: [{ name: 'id', brief: 'Its id' }],
  run: async (cli, { args }) => showPoint(cli, await cli.api.get<RecoveryPoint>(`/v1/recovery-points/${encodeURIComponent(args.id)}`)),
});

interface VerifyFlags {
  readonly restore?: boolean;
  readonly noWait?: boolean;
}

const verify = command<VerifyFlags, [{ name: 'id'; brief: string }]>({
  brief: 'Check the manifest and every chain where they lie',
  description: 'Ends with 1 when something is wrong.',
  args: [{ name: 'id', brief: 'Its id' }],
  flags: {
    restore: { kind: 'boolean', optional: true, withNegated: false, brief: 'Really restore each volume, to scratch' },
    noWait: { kind: 'boolean', optional: true, withNegated: false, brief: 'Do not wait for the job' },
  },
  run: async (cli, { flags, args }) => {
    const { status, body } = await cli.api.post<VerifyResult | JobRef>(`/v1/recovery-points/${encodeURIComponent(args.id)}/verify`, { restore: flags.restore === true });
    if (status === 202) return await outcome(cli, body as JobRef, flags.noWait === true, (result) => showVerified(cli, result as VerifyResult));
    return await showVerified(cli, body as VerifyResult);
  },
});

async function showVerified(cli: Cli, result: VerifyResult): Promise<number> {
  await cli.print.show(result, [
    { key: 'point', header: 'Recovery point', value: (r) => r.point },
    { key: 'ok', header: 'OK', value: (r) => r.ok, text: (r) => (r.ok ? 'yes' : 'NO') },
    { key: 'restored', header: 'Really restored', value: (r) => r.restored, text: (r) => (r.restored ? 'yes' : 'no') },
    { key: 'findings', header: 'Findings', value: (r) => r.findings, text: (r) => String(r.findings.length) },
  ]);
  noteFindings(cli, result.findings);
  return result.ok ? exit.ok : exit.failed;
}

export const recoveryPointRoutes = buildRouteMap<'list' | 'show' | 'verify', Context>({ routes: { list, show, verify }, docs: { brief: 'Recovery points' } });
