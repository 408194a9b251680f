import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Exchange } from './exchange.ts';

const folder = process.env['GODWIT_CONTRACT_TRANSCRIPT'];

/** Writes down what a target really answered, for people; only when GODWIT_CONTRACT_TRANSCRIPT names a folder. */
export function transcript(title: string, what: Exchange | readonly string[]): void {
  if (folder === undefined) return;
  mkdirSync(folder, { recursive: true });
  const [service = 'suite'] = title.split(' > ').slice(-2);
  appendFileSync(join(folder, `${service.replace(/\W+/g, '-')}.md`), `\n## ${title}\n${'status' in what ? written(what) : `states: ${what.join(' → ')}`}\n`);
}

function written(exchange: Exchange): string {
  const { method, origin, path, requestBody, status, headers, body, text } = exchange;
  const said = body === undefined ? text.slice(0, 2_000) : JSON.stringify(body, null, 1);
  return withoutSecrets(`${method} ${origin}${path}\n${requestBody === undefined ? '' : `> ${JSON.stringify(requestBody)}\n`}< ${status} ${JSON.stringify(headers)}\n${said}`);
}

export const withoutSecrets = (written: string): string =>
  written.replace(/gAAAA[\w=-]{20,}/g, '<token>').replace(/("(?:password|adminPass|secret|x-subject-token)": ?)"[^"]*"/g, '$1"<secret>"');
