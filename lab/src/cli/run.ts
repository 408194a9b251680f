import { spawn } from 'node:child_process';
import { parseArgs } from 'node:util';

import { LabError } from '../errors.ts';
import { textProgress, type Lab } from '../index.ts';
import { statusTable } from './status.ts';
import { usage } from './usage.ts';

export interface CliIo {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown; readonly isTTY?: boolean; readonly columns?: number };
}

class UsageError extends Error {}

/** Runs a command with this process's own terminal; resolves to its exit status. */
function foreground(argv: readonly string[], env: Record<string, string>): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(argv[0] ?? '', argv.slice(1), { stdio: 'inherit', env });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      resolve(code ?? (signal === 'SIGKILL' ? 137 : 143));
    });
  });
}

type Command = (lab: Lab, args: readonly string[], io: CliIo) => Promise<number>;

/** Positional arguments, exactly as many as named. */
function positionals(args: readonly string[], names: readonly string[]): string[] {
  const { positionals: values } = parseArgs({ args: [...args], allowPositionals: true, options: {} });
  if (values.length !== names.length) throw new UsageError(`expected ${names.length === 0 ? 'no arguments' : names.join(' ')}`);
  return values;
}

async function withProgress<T>(io: CliIo, run: (progress: ReturnType<typeof textProgress>) => Promise<T>): Promise<T> {
  const progress = textProgress(io.stderr);
  try {
    return await run(progress);
  } finally {
    progress.close();
  }
}

const commands: Readonly<Record<string, Command>> = {
  async up(lab, args, io) {
    const { values, positionals: names } = parseArgs({ args: [...args], allowPositionals: true, options: { fresh: { type: 'boolean' }, mirror: { type: 'string' } } });
    if (names.length > 1) throw new UsageError('up takes one topology');
    await withProgress(io, async (progress) => {
      await lab.up({ topology: names[0] ?? 'two-site', fresh: values.fresh ?? false, mirror: values.mirror ?? process.env['GODWIT_LAB_MIRROR'] }, progress);
      progress.note(`the lab is up; credentials: ${lab.paths.clouds}, Godwit's configuration: ${lab.paths.godwit}`);
    });
    return 0;
  },
  async down(lab, args) {
    positionals(args, []);
    await lab.down();
    return 0;
  },
  async status(lab, args, io) {
    const { values } = parseArgs({ args: [...args], options: { format: { type: 'string', short: 'f', default: 'table' } } });
    if (values.format !== 'table' && values.format !== 'json') throw new UsageError('-f is table or json');
    const status = await lab.status();
    io.stdout.write(values.format === 'json' ? `${JSON.stringify(status, null, 2)}\n` : statusTable(status));
    return status.phase === 'up' && status.sites.every((s) => s.alive && s.services.every((x) => x.running)) ? 0 : 1;
  },
  async 'kill-site'(lab, args) {
    const [site = ''] = positionals(args, ['SITE']);
    await lab.killSite(site);
    return 0;
  },
  async 'revive-site'(lab, args, io) {
    const [site = ''] = positionals(args, ['SITE']);
    await withProgress(io, (progress) => lab.reviveSite(site, progress));
    return 0;
  },
  async cut(lab, args) {
    const [a = '', b = ''] = positionals(args, ['SITE', 'SITE']);
    await lab.cut(a, b);
    return 0;
  },
  async heal(lab, args) {
    positionals(args, []);
    await lab.heal();
    return 0;
  },
  async stop(lab, args) {
    const { values, positionals: names } = parseArgs({ args: [...args], allowPositionals: true, options: { kill: { type: 'boolean', default: false } } });
    const [site, service] = names;
    if (site === undefined || service === undefined || names.length !== 2) throw new UsageError('expected SITE SERVICE');
    await lab.stopService(site, service, { kill: values.kill });
    return 0;
  },
  async start(lab, args) {
    const [site = '', service = ''] = positionals(args, ['SITE', 'SERVICE']);
    await lab.startService(site, service);
    return 0;
  },
  async logs(lab, args, io) {
    const { values, positionals: names } = parseArgs({ args: [...args], allowPositionals: true, options: { follow: { type: 'boolean', short: 'f' } } });
    const [site, service] = names;
    if (site === undefined || service === undefined || names.length !== 2) throw new UsageError('expected SITE SERVICE');
    const text = lab.serviceLog(site, service);
    if (values.follow) return foreground(['tail', '-n', '50', '-f', lab.sitePath(site, `/var/log/lab/${service}.log`)], process.env as Record<string, string>);
    io.stdout.write(text);
    return 0;
  },
  console(lab, args, io) {
    const [site = '', server = ''] = positionals(args, ['SITE', 'SERVER-ID']);
    io.stdout.write(lab.consoleLog(site, server));
    return Promise.resolve(0);
  },
  async ping(lab, args, io) {
    const [site = '', network = '', ip = ''] = positionals(args, ['SITE', 'NETWORK', 'IP']);
    const answered = await lab.ping(site, network, ip);
    io.stdout.write(`${ip} ${answered ? 'answers' : 'does not answer'} in ${network} at ${site}\n`);
    return answered ? 0 : 1;
  },
  exec(lab, args) {
    const [place, separator, ...argv] = args;
    if (place === undefined || separator !== '--' || argv.length === 0) throw new UsageError('expected SITE|ops -- COMMAND');
    const spawnArgs = lab.spawnArgs(place, argv);
    return foreground(spawnArgs.argv, { ...spawnArgs.env, ...(process.env['TERM'] === undefined ? {} : { TERM: process.env['TERM'] }) });
  },
};

/** The lab's command line; returns the exit status. */
export async function runCli(args: readonly string[], lab: Lab, io: CliIo): Promise<number> {
  const [name, ...rest] = args;
  const command = name !== undefined && Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) {
    const asked = name === 'help' || name === '--help' || name === '-h';
    (asked ? io.stdout : io.stderr).write(usage);
    return asked ? 0 : 2;
  }
  try {
    return await command(lab, rest, io);
  } catch (error) {
    if (error instanceof LabError) {
      io.stderr.write(`${error.code}: ${error.message}\n`);
      return error.code === 'LAB_USAGE' ? 2 : 1;
    }
    if (error instanceof UsageError || (error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS'))) {
      io.stderr.write(`${name ?? ''}: ${error.message}\n${usage}`);
      return 2;
    }
    throw error;
  }
}
