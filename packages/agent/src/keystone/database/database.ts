import type { DatabaseConfig } from '../../node/config.ts';
import type { Log } from '../../node/log.ts';
import type { Database } from '../role.ts';
export function openDatabase(_config: DatabaseConfig, _log: Log): Database {
  throw new Error('to come');
}
