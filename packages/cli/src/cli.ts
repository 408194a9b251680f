import { Api } from './api/client.ts';
import { CliError } from './errors.ts';
import { exit } from './exit-codes.ts';
import type { Credentials, Io } from './io.ts';
import { keystoneLogin } from './login.ts';
import { type Format, Printer } from './output/printer.ts';

/** Flags that every command takes. */
export interface CommonFlags {
  readonly osCloud?: string;
  readonly osToken?: string;
  readonly godwitUrl?: string;
  readonly format?: Format;
  readonly column?: readonly string[];
  readonly quiet?: boolean;
}

/** What a command works with. */
export interface Cli {
  readonly io: Io;
  readonly api: Api;
  readonly print: Printer;
  readonly quiet: boolean;
}

export const defaultUrl = 'http://127.0.0.1:8790';

export function makeCli(io: Io, flags: CommonFlags): Cli {
  const url = flags.godwitUrl ?? (io.env['GODWIT_URL'] || defaultUrl);
  return {
    io,
    api: new Api({ url, fetch: io.fetch, credentials: () => credentials(io, flags) }),
    print: new Printer({ out: io.stdout, format: flags.format ?? 'table', columns: (flags.column ?? []).flatMap((c) => c.split(',')) }),
    quiet: flags.quiet === true,
  };
}

/** A token that is given goes before a login, a cloud named on the command line before a token of the environment. */
async function credentials(io: Io, flags: CommonFlags): Promise<Credentials> {
  const { env } = io;
  const given = flags.osToken ?? (flags.osCloud === undefined ? env['OS_TOKEN'] || undefined : undefined);
  if (given !== undefined) return { token: given, ...(env['OS_AUTH_URL'] && { authUrl: env['OS_AUTH_URL'] }) };
  return await (io.login ?? keystoneLogin)({ env, ...(flags.osCloud !== undefined && { cloud: flags.osCloud }) });
}

/** Asks before what cannot be taken back. Only on a terminal: a script is taken at its word. */
export async function confirmed(cli: Cli, yes: boolean, question: string): Promise<void> {
  if (yes || cli.io.confirm === undefined) return;
  if (await cli.io.confirm(question)) return;
  throw new CliError({ code: 'GW_DECLINED', message: 'nothing was done', action: 'Answer y, or give --yes.' }, exit.failed);
}
