import { type ErrorKind, GodwitError } from '@godwit/sites';
import type { StarReport } from './schemas.ts';

/** The error of a job whose preflight found something; the whole report is in its details. */
export function refuse(report: StarReport, kind: ErrorKind = 'terminal'): GodwitError {
  const [first] = report.findings;
  const more = report.findings.length - 1;
  // One reason alone is the error itself; several are listed.
  const code = more === 0 && first ? (first.code as `GW_${string}`) : 'GW_PREFLIGHT';
  return new GodwitError(code, kind, `${first?.message ?? 'refused'}${more > 0 ? ` (and ${more} more)` : ''}; nothing was changed`, {
    ...(first?.site ? { site: first.site } : {}),
    resource: first?.resource ?? report.subject,
    action: first?.action ?? 'Mend what the report lists, then try again.',
    details: report,
  });
}
