import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { DatabaseConfig } from '../../node/config.ts';
import { readPassword } from '../../node/config.ts';
import { AgentError } from '../../protocol/errors.ts';
import type { Address } from '../../protocol/values.ts';

export interface DumpOptions {
  readonly config: DatabaseConfig;
  readonly stateDir: string;
  readonly source: Address;
  /** The local database that it is read into; it exists, and is empty. */
  readonly into: string;
  readonly logBin: boolean;
  readonly signal: AbortSignal;
}

const headBytes = 65_536;
const tailBytes = 256;
const errorBytes = 2_000;
const prefix = 'seed-';

/**
 * Copies Keystone's database from the source into an empty local one, in one consistent snapshot, and answers the GTID position that belongs
 * to it. Nothing is written between: the dump streams through. Passwords are in files that only we can read, never on a command line.
 */
export async function copyDatabase({ config, stateDir, source, into, logBin, signal }: DumpOptions): Promise<string> {
  const account = config.dump ?? config.replication;
  if (!account) throw new AgentError('GW_AGENT_CONFIG', 'terminal', 'agent.yaml names no account for a dump of the source', { action: 'Set keystone.database.dump or .replication.' });
  const dir = await mkdtemp(join(stateDir, prefix));
  try {
    const there = join(dir, 'source.cnf');
    const tls = config.sourceCaFile === undefined ? '' : `ssl-ca=${config.sourceCaFile}\nssl-verify-server-cert\n`;
    await writeFile(there, `[client]\nuser=${quoted(account.user)}\npassword=${quoted(await readPassword(account.passwordFile))}\nhost=${source.host}\nport=${source.port}\nprotocol=tcp\n${tls}`, { mode: 0o600 });
    const here = join(dir, 'local.cnf');
    const password = config.passwordFile === undefined ? '' : `password=${quoted(await readPassword(config.passwordFile))}\n`;
    await writeFile(here, `[client]\nuser=${quoted(config.user)}\n${password}socket=${config.socket}\n`, { mode: 0o600 });

    const run = (name: string, ...args: string[]): ChildProcess => spawn(join(config.programs, name), args, { signal, killSignal: 'SIGKILL', env: { PATH: '/usr/bin:/bin', LC_ALL: 'C.UTF-8' } });
    // --master-data=2: the position as a comment; we set it ourselves, at the right moment.
    const dump = run('mariadb-dump', `--defaults-extra-file=${there}`, '--single-transaction', '--master-data=2', '--gtid', '--hex-blob', '--skip-lock-tables', '--skip-comments=0', '--default-character-set=utf8mb4', config.database);
    const load = run('mariadb', `--defaults-extra-file=${here}`, '--batch', ...(logBin ? ['--init-command=SET SESSION sql_log_bin=0'] : []), into);
    const [dumped, loaded] = [ended('mariadb-dump', dump), ended('mariadb', load)];
    let [head, tail] = ['', ''];
    const watch = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        if (head.length < headBytes) head += chunk.subarray(0, headBytes).toString('latin1');
        tail = (tail + chunk.subarray(-tailBytes).toString('latin1')).slice(-tailBytes);
        done(null, chunk);
      },
    });
    const piped = dump.stdout && load.stdin ? pipeline(dump.stdout, watch, load.stdin) : Promise.resolve();
    const [d, l, p] = await Promise.allSettled([dumped, loaded, piped]);
    // The one that failed first says why; the pipe that broke for it does not.
    for (const outcome of [d, l, p]) if (outcome.status === 'rejected') throw outcome.reason;
    const position = /gtid_slave_pos='([^']*)'/.exec(head)?.[1];
    if (position === undefined || position === '') throw failed('the source told no GTID position: its binary log must be on (log-bin)');
    if (!tail.includes('Dump completed')) throw failed('the dump has no end');
    return position;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** What a kill in the midst of a copy has left holds passwords: it goes at the next start. Not while a copy is made. */
export async function sweepCopies(stateDir: string): Promise<void> {
  const left = await readdir(stateDir, { withFileTypes: true }).catch(() => []);
  for (const entry of left) if (entry.isDirectory() && entry.name.startsWith(prefix)) await rm(join(stateDir, entry.name), { recursive: true, force: true });
}

function ended(name: string, child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let words = '';
    child.stderr?.on('data', (d: Buffer) => (words = (words + d.toString()).slice(0, errorBytes)));
    child.on('error', (cause) => reject(failed(`${name}: ${cause.message}`)));
    child.on('close', (status, killed) => (status === 0 ? resolve() : reject(failed(`${name}: ${words.trim() || (killed ?? `exit status ${status}`)}`))));
  });
}

export const failed = (why: string): AgentError =>
  new AgentError('GW_AGENT_SEED_FAILED', 'retryable', `the replica was not built: ${why}`, { action: 'What was there before is kept. Look at the source, the account for dumps and the disk.' });

const quoted = (text: string): string => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
