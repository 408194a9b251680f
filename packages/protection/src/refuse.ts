import { GodwitError } from '@godwit/sites';
import type { Report } from './schemas.ts';

/** The error of a job whose preflight found something; the whole report is in its details. */
export function refuse(report: Report): GodwitError {
  const [first] = report.findings;
  const more = report.findings.length - 1;
  return new GodwitError('GW_PREFLIGHT', 'terminal', `group ${report.group}: ${first?.message ?? 'refused'}${more > 0 ? ` (and ${more} more)` : ''}; nothing was changed`, {
    ...(first?.site ? { site: first.site } : {}),
    resource: `group ${report.group}`,
    action: first?.action ?? 'Mend what the report lists, then try again.',
    details: report,
  });
}
