import type { JobRef, Report } from '../api/types.ts';
import type { Cli } from '../cli.ts';
import type { Finding } from '../errors.ts';
import { exit } from '../exit-codes.ts';
import { findingsTable } from '../output/error-text.ts';
import type { Column } from '../output/printer.ts';
import { assertSucceeded, watchJob } from '../wait/watch-job.ts';

/** Waits for a job that was begun, unless it is not to be waited for, and shows its result. Throws what it failed with. */
export async function outcome(cli: Cli, job: JobRef, noWait: boolean, show: (result: unknown) => Promise<number | void>): Promise<number | void> {
  if (noWait) {
    await cli.print.show(job, [{ key: 'jobId', header: 'Job', value: (j) => j.jobId }]);
    return;
  }
  if (!cli.quiet) cli.io.stderr.write(`job ${job.jobId}\n`);
  const ended = await watchJob(cli, job.jobId);
  assertSucceeded(ended);
  return await show(ended.result);
}

export const findingColumns: readonly Column<Finding>[] = [
  { key: 'code', header: 'Code', value: (f) => f.code },
  { key: 'site', header: 'Site', value: (f) => f.site },
  { key: 'resource', header: 'Resource', value: (f) => f.resource },
  { key: 'message', header: 'What', value: (f) => f.message, text: (f) => f.message + (f.requestId === undefined ? '' : ` [${f.requestId}]`) },
  { key: 'action', header: 'What to do', value: (f) => f.action },
];

/** The report of a dry run: all that is missing, or the plan. A refusal has an exit code of its own. */
export async function showReport(cli: Cli, report: Report): Promise<number> {
  if (cli.print.format === 'table') {
    if (report.warnings.length > 0) {
      cli.print.note(`not as it should be at the recovery site; nothing is refused for it:`);
      noteFindings(cli, report.warnings);
    }
    if (report.ok) cli.print.note(`group ${report.group}: nothing is missing\n${report.plan.map((p, i) => `  ${i + 1}. ${p}`).join('\n')}`);
    else {
      cli.print.note(`group ${report.group}: refused; nothing was changed`);
      await cli.print.list(report.findings, findingColumns);
    }
  } else if (cli.print.format === 'value') await cli.print.list(report.findings, findingColumns);
  else await cli.print.show(report, reportColumns);
  return report.ok ? exit.ok : exit.refused;
}

const reportColumns: readonly Column<Report>[] = [
  { key: 'ok', header: 'OK', value: (r) => r.ok },
  { key: 'group', header: 'Group', value: (r) => r.group },
  { key: 'findings', header: 'Findings', value: (r) => r.findings },
  { key: 'warnings', header: 'Warnings', value: (r) => r.warnings },
  { key: 'plan', header: 'Plan', value: (r) => r.plan },
];

/** Findings beside a result, for people. */
export function noteFindings(cli: Cli, findings: readonly Finding[]): void {
  if (findings.length > 0) cli.print.note(findingsTable(findings, cli.io.stdout.isTTY === true ? cli.io.stdout.columns : undefined));
}
