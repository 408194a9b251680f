import { CliError, type Finding } from '../errors.ts';
import { exit } from '../exit-codes.ts';
import type { Out } from '../io.ts';
import type { Format } from './printer.ts';
import { table } from './table.ts';

/** Writes an error to stderr as people or, with -f json, programs read it. Returns the exit code. */
export function reportError(error: unknown, err: Out, format: Format): number {
  const known = error instanceof CliError ? error : unexpected(error);
  err.write(format === 'json' ? `${JSON.stringify(known.facts)}\n` : errorText(known, err));
  return known.exitCode;
}

function errorText(error: CliError, err: Out): string {
  const { code, message, site, resource, action, requestId, instance } = error.facts;
  // A part that the message names already need not be said twice.
  const about = [site && !message.includes(site) && `site ${site}`, resource && !message.includes(resource) && resource].filter(Boolean).join(', ');
  const lines = [`error ${code}: ${message}${about === '' ? '' : ` (${about})`}`];
  if (action !== undefined) lines.push(`  what to do: ${action}`);
  if (requestId !== undefined) lines.push(`  request id: ${requestId}`);
  if (code === 'GW_INTERNAL' && instance !== undefined) lines.push(`  log id: ${instance}`);
  const findings = error.findings.length === 0 ? '' : findingsTable(error.findings, err.isTTY === true ? err.columns : undefined);
  return `${lines.join('\n')}\n${findings}`;
}

/** All that a check found, each with where and what to do. */
export function findingsTable(findings: readonly Finding[], width?: number): string {
  return table(
    ['Code', 'Site', 'Resource', 'What', 'What to do'],
    findings.map((f) => [f.code, f.site ?? '', f.resource ?? '', f.message + (f.requestId === undefined ? '' : ` [${f.requestId}]`), f.action ?? '']),
    width,
  );
}

/** A defect of the command itself: its stack is what a report of it needs, and it holds no secrets. */
function unexpected(error: unknown): CliError {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new CliError({ code: 'GW_CLI_DEFECT', message: text, action: 'A defect of the godwit command: report it with these lines.' }, exit.failed);
}
