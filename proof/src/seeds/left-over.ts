import type { Row } from '../world/canonical.ts';
import { siteRows } from '../world/inventory.ts';
import { owned } from '../world/ownership.ts';
import { until } from '../world/until.ts';
import type { Played, Scene } from './played.ts';

/** Of groups that were purged nothing may be left, at the sites and in the catalogue, but the applications. Tells each its own, unless something was wrong with it before; answers what is nobody's, if nothing was. */
export async function leftOver({ lane, database: { url } }: Scene, played: readonly Played[]): Promise<string[]> {
  const { emulator } = lane.sites;
  const epochs = new Set(played.flatMap((p) => [...p.epochs]));
  for (const row of await lane.database.query(url, `SELECT labels->>'group' AS g, result->>'epoch' AS epoch FROM godwit_jobs WHERE workflow = 'recover' AND state = 'succeeded'`)) epochs.add(`${String(row['g'])}/${String(row['epoch'])}`);
  // What goes by itself may take a moment.
  await until('', () => (orphans(siteRows(emulator), epochs).length === 0 ? true : undefined), 3_000, 100).catch(() => undefined);
  const rows = siteRows(emulator);
  const lost = new Set(orphans(rows, epochs));
  const { of, rest } = owned(rows, played.map((p) => p.unit));
  const line = (r: Row): string => `left over at ${String(r['site'])}: ${JSON.stringify(r)}`;
  const good = played.filter((p) => p.wrong.length === 0);
  for (const p of good) p.wrong.push(...(of.get(p.unit) ?? []).filter((r) => lost.has(r)).map(line));
  if (good.length < played.length) return [];
  const left: string[] = [];
  for (const table of ['protection_groups', 'recovery_points', 'freeze_windows']) {
    const [row] = await lane.database.query<{ n: number }>(url, `SELECT count(*)::int AS n FROM ${table}`);
    if (row !== undefined && row.n > 0) left.push(`${row.n} rows are left in ${table}, though every group is purged`);
  }
  return [...left, ...rest.filter((r) => lost.has(r)).map(line)];
}

/** Servers that an earlier epoch ran stay, stopped: they are the application's, too. */
function orphans(rows: readonly Row[], epochs: ReadonlySet<string>): Row[] {
  const never = new Set(['snapshot', 'group-snapshot', 'volume-group', 'backup', 'queue']);
  const attached = new Set(rows.filter((r) => r['kind'] === 'server').flatMap((r) => [...(r['volumes'] as string[]), ...(r['ports'] as string[])]));
  return rows.filter((r) => {
    const kind = String(r['kind']);
    if (never.has(kind)) return true;
    if (kind === 'image') return /godwit-manifest|^godwit-(?!guest)/.test(String(r['name']));
    const metadata = (r['metadata'] ?? {}) as Record<string, string>;
    if (kind === 'server' && metadata['godwit_group'] !== undefined) return !epochs.has(`${metadata['godwit_group']}/${metadata['godwit_epoch'] ?? ''}`);
    if (kind === 'volume' || kind === 'port') return !attached.has(String(r['id'])) && !String(r['device_owner'] ?? r['deviceOwner'] ?? '').startsWith('network:');
    return false;
  });
}
