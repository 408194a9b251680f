import type { SiteContext, SiteFacts } from '../engine/types.ts';
import { databasePort, dataDir, socketOf, type NodeNumber } from './plan.ts';

export const databaseConf = (n: NodeNumber): string => `/etc/mariadb-${String(n)}.cnf`;

/** Small: eight of them share a machine with everything else. */
export function databaseOptions({ site }: SiteFacts, n: NodeNumber): string[] {
  return [
    '[mariadbd]', `datadir = ${dataDir(n)}`, `socket = ${socketOf(n)}`, `port = ${String(databasePort(n))}`, `pid-file = /run/mariadb-${String(n)}/mariadbd.pid`,
    'bind-address = 0.0.0.0', 'skip-name-resolve', 'max-connections = 120', `server-id = ${String(site.index * 10 + n)}`,
    'innodb-buffer-pool-size = 24M', 'innodb-log-file-size = 16M', 'innodb-log-buffer-size = 2M', 'innodb-flush-log-at-trx-commit = 2', 'key-buffer-size = 1M',
    'aria-pagecache-buffer-size = 1M', 'performance-schema = OFF', 'table-open-cache = 200',
    // This MariaDB's default makes concurrent logins fail with error 1020, which OpenStack does not retry.
    'innodb-snapshot-isolation = OFF', 'character-set-server = utf8mb3', 'gtid-strict-mode = ON',
  ];
}

/** mariadbd's own first tables, as the package made them: several mariadb-install-db at once were seen to crash. */
export async function installDatabase({ execOk, exec }: SiteContext, n: NodeNumber): Promise<void> {
  if ((await exec(['test', '-d', dataDir(n)])).code === 0) return;
  await execOk(['cp', '-a', '/var/lib/mysql', dataDir(n)]);
}

export const runFolder = async ({ execOk }: SiteContext, n: NodeNumber): Promise<void> => {
  await execOk(['install', '-d', '-o', 'mysql', '-g', 'mysql', `/run/mariadb-${String(n)}`]);
};

export const answersSql = (n: NodeNumber) => async ({ exec }: SiteContext): Promise<string | undefined> => {
  const { code, stderr } = await exec(['mariadb', '--no-defaults', `--socket=${socketOf(n)}`, '-e', 'select 1'], { timeoutMs: 5000 });
  return code === 0 ? undefined : stderr.trim();
};

/** SQL as the server's root, over its socket; passwords in it are never in a process list. */
export const sql = ({ execOk }: SiteContext, n: NodeNumber, text: string): Promise<string> =>
  execOk(['mariadb', '--no-defaults', `--socket=${socketOf(n)}`, '--batch', '--skip-column-names'], { input: text, timeoutMs: 120_000 });
