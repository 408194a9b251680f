import type { LabStatus } from '../index.ts';

/** A table for people: one line per site, services that do not run named. */
export function statusTable(status: LabStatus): string {
  if (status.phase === 'down') return 'the lab is down\n';
  const rows = [['SITE', 'ADDRESS', 'STATE', 'SERVICES', 'NOT RUNNING']];
  for (const site of status.sites) {
    const stopped = site.services.filter((s) => !s.running).map((s) => s.service);
    rows.push([
      site.site, site.address, site.alive ? 'up' : 'dead',
      site.alive ? `${String(site.services.length - stopped.length)}/${String(site.services.length)}` : '-',
      stopped.join(' '),
    ]);
  }
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((r) => r[i]?.length ?? 0)));
  const table = rows.map((r) => r.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ').trimEnd()).join('\n');
  const cuts = status.cuts.length === 0 ? 'none' : status.cuts.map(([a, b]) => `${a} - ${b}`).join(', ');
  return `topology ${status.topology ?? ''} (${status.phase})\n${table}\ncut links: ${cuts}\n`;
}
