import pg from 'pg';
import { isTransient } from './db.ts';

type Callback = (error?: Error | null, ...rest: unknown[]) => void;
type Connected = ((error: Error) => void) | ((error: null, client: pg.Client) => void);

/**
 * Connections of the engine. While the database is away, DBOS waits and asks again, but it does not know all the ways in which a driver says so: a
 * write to a server that has just died (EPIPE), or a socket that is not there yet (ENOENT), would end the job. They are told to it as what it knows.
 */
class EngineClient extends pg.Client {
  override connect(): Promise<pg.Client>;
  override connect(callback: Connected): void;
  override connect(callback?: Connected): Promise<pg.Client> | void {
    if (callback === undefined) return super.connect().catch(rethrown);
    super.connect((error: Error | null) => { (callback as (error: Error | null, client: pg.Client) => void)(tell(error), this); });
  }

  // Of its many forms only the last argument and the promise matter here.
  override query(...args: unknown[]): never {
    const ask = super.query.bind(this) as unknown as (...args: unknown[]) => unknown;
    const callback = args.at(-1);
    if (typeof callback === 'function') return ask(...args.slice(0, -1), (error: Error | null, ...rest: unknown[]) => { (callback as Callback)(tell(error), ...rest); }) as never;
    const result = ask(...args);
    return (result instanceof Promise ? result.catch(rethrown) : result) as never;
  }
}

const rethrown = (error: unknown): never => { throw tell(error); };

/** Gives an error that means "away" a cause by which DBOS knows it, unless it has one. */
export function tell<T>(error: T): T {
  if (error instanceof Error && error.cause === undefined && isTransient(error)) {
    Object.defineProperty(error, 'cause', { value: Object.assign(new Error(error.message), { code: 'ECONNRESET' }), configurable: true });
  }
  return error;
}

export function openEnginePool(databaseUrl: string, max: number, onError: (e: Error) => void): pg.Pool {
  const pool = new pg.Pool({ connectionString: databaseUrl, max, connectionTimeoutMillis: 10_000, application_name: 'godwit-engine', Client: EngineClient } as pg.PoolConfig);
  pool.on('error', onError);
  pool.on('connect', (client) => { client.on('error', () => undefined); });
  return pool;
}
