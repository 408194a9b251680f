import type { Connection, RowDataPacket } from 'mysql2/promise';
import { AgentError, reason } from '../../protocol/errors.ts';

export type Row = Readonly<Record<string, unknown>>;

/** One statement at a time to the local MariaDB. */
export interface Sql {
  /** Throws GW_AGENT_DATABASE_AWAY when there is no connection to be had, GW_AGENT_DATABASE for what the database refuses. */
  query(text: string, values?: readonly (string | number)[], timeoutMs?: number): Promise<readonly Row[]>;
  close(): Promise<void>;
}

export interface SqlOptions {
  readonly socket: string;
  readonly user: string;
  readonly password: () => Promise<string | undefined>;
  readonly timeoutMs?: number;
}

/** Connects when it is needed, and again when the connection has broken. */
export function openSql({ socket, user, password, timeoutMs = 5_000 }: SqlOptions): Sql {
  let connection: Connection | undefined;
  let queue: Promise<unknown> = Promise.resolve();

  async function connect(): Promise<Connection> {
    if (connection) return connection;
    const secret = await password();
    try {
      // Loaded when the first connection is made: a node without a database never pays for it.
      const { createConnection } = await import('mysql2/promise');
      const made = await createConnection({
        socketPath: socket,
        user,
        ...(secret !== undefined && { password: secret }),
        connectTimeout: timeoutMs,
        charset: 'utf8mb4',
        dateStrings: true,
        supportBigNumbers: true,
        // MariaDB's unix_socket asks the kernel who we are, and us for nothing.
        authPlugins: { unix_socket: () => () => Buffer.alloc(0) },
      });
      made.on('error', () => {
        if (connection === made) connection = undefined;
      });
      connection = made;
      return made;
    } catch (cause) {
      throw new AgentError('GW_AGENT_DATABASE_AWAY', 'waiting', `MariaDB at ${socket}: ${reason(cause)}`, { action: 'See whether it runs, and whether the agent’s user has its grants (docs/operators/agent.md).', cause });
    }
  }

  async function run(text: string, values: readonly (string | number)[], limitMs: number): Promise<readonly Row[]> {
    const on = await connect();
    try {
      const [rows] = await on.query<RowDataPacket[]>({ sql: text, values: [...values], timeout: limitMs });
      return Array.isArray(rows) ? rows : [];
    } catch (error) {
      const { errno, code, sqlMessage, fatal } = error as { errno?: number; code?: string; sqlMessage?: string; fatal?: boolean };
      if (fatal === true || sqlMessage === undefined) {
        // After a timeout, too: what comes late would be taken for the next answer.
        connection = undefined;
        on.destroy();
        throw new AgentError('GW_AGENT_DATABASE_AWAY', 'waiting', `MariaDB at ${socket} went away: ${code ?? reason(error)}`, { cause: error });
      }
      // The server's own words. They name objects and values of SQL, and never a password.
      throw new AgentError('GW_AGENT_DATABASE', 'retryable', `MariaDB refuses (${errno ?? code}): ${sqlMessage}`, { action: 'Give the agent’s user its grants (docs/operators/agent.md), or look at MariaDB’s log.', cause: { errno } });
    }
  }

  return {
    query(text, values = [], limitMs = timeoutMs) {
      const mine = queue.then(() => run(text, values, limitMs));
      queue = mine.catch(() => undefined);
      return mine;
    },
    async close() {
      await connection?.end().catch(() => undefined);
      connection = undefined;
    },
  };
}
