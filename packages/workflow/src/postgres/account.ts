import { readFile, stat } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { dirname, resolve } from 'node:path';
import { WorkflowError } from '../errors.ts';

/** The user that the server runs as. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** Whether we must change to it (we are root), or are it already. */
  readonly switch: boolean;
}

/**
 * PostgreSQL refuses to run as root. Then it gets the first of these users that exists: `wanted`, `postgres`, `nobody`.
 * Otherwise it runs as ourselves.
 */
export async function chooseAccount(wanted?: string): Promise<Account> {
  if (process.getuid?.() !== 0) {
    const { username, uid, gid } = userInfo();
    return { name: username, uid, gid, switch: false };
  }
  const users = new Map<string, Account>();
  for (const line of (await readFile('/etc/passwd', 'utf8')).split('\n')) {
    const [name, , uid, gid] = line.split(':');
    if (name !== undefined && uid !== undefined && gid !== undefined) users.set(name, { name, uid: Number(uid), gid: Number(gid), switch: true });
  }
  for (const name of wanted === undefined ? ['postgres', 'nobody'] : [wanted]) {
    const account = users.get(name);
    if (account !== undefined && account.uid !== 0) return account;
  }
  throw new WorkflowError({
    code: 'GW_POSTGRES_UNAVAILABLE',
    kind: 'terminal',
    message: `PostgreSQL does not run as root, and there is no user ${wanted === undefined ? '"postgres" or "nobody"' : `"${wanted}"`} to run it as. `
      + 'Create one (useradd --system), start as another user than root, or set DATABASE_URL.',
  });
}

/** Whether `account` may enter `path` and every directory above it. */
export async function canTraverse(path: string, account: Account): Promise<boolean> {
  if (!account.switch) return true;
  for (let dir = resolve(path); ; dir = dirname(dir)) {
    const s = await stat(dir);
    const bit = s.uid === account.uid ? 0o100 : s.gid === account.gid ? 0o010 : 0o001;
    if ((s.mode & bit) === 0) return false;
    if (dir === dirname(dir)) return true;
  }
}
