import { readFile } from 'node:fs/promises';
import { Agent, type Dispatcher } from 'undici';
import { OpenStackError } from '../errors.ts';
import type { CloudConfig } from '../types.ts';

const CONNECT_TIMEOUT_MS = 5_000;
const CONNECTIONS = 16;

/**
 * The two ways to a cloud's services. `fresh` opens a connection for each request: what must not be sent twice never meets a kept-alive
 * connection that the server is just closing, where "broken" leaves open whether the request was served.
 */
export interface Dispatchers {
  readonly pooled: Dispatcher;
  readonly fresh: Dispatcher;
  close(): Promise<void>;
}

/** Opens no connection; reads the certificates. Rejects with OS_CONFIG_FILE when one of them cannot be read. */
export async function createDispatchers(tls: CloudConfig['tls'], cloudName: string, connections = CONNECTIONS): Promise<Dispatchers> {
  const [ca, cert, key] = await Promise.all([
    pem(tls.caFile, 'cacert', cloudName),
    pem(tls.certFile, 'cert', cloudName),
    // A file may hold both, as for curl and requests.
    pem(tls.keyFile ?? tls.certFile, 'key', cloudName),
  ]);
  const connect = {
    timeout: CONNECT_TIMEOUT_MS,
    rejectUnauthorized: tls.verify,
    ...(ca ? { ca } : {}),
    ...(cert ? { cert } : {}),
    ...(key ? { key } : {}),
  };
  const pooled = new Agent({ connect, connections, pipelining: 1 });
  const fresh = new Agent({ connect, connections, pipelining: 0 });
  return {
    pooled,
    fresh,
    close: async () => {
      await Promise.all([pooled.destroy(), fresh.destroy()]);
    },
  };
}

/** A dispatcher handed in serves both ways, and is its owner's to close. */
export function foreignDispatchers(dispatcher: Dispatcher): Dispatchers {
  return { pooled: dispatcher, fresh: dispatcher, close: async () => {} };
}

async function pem(file: string | undefined, option: string, cloudName: string): Promise<string | undefined> {
  if (file === undefined) return undefined;
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new OpenStackError({
      code: 'OS_CONFIG_FILE',
      kind: 'terminal',
      message: `cloud ${cloudName}: ${option} names ${file}, which cannot be read (${(error as NodeJS.ErrnoException).code ?? 'error'})`,
    });
  }
}
