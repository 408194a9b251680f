import { DBOS, DBOSWorkflowConflictError, Error as DbosErrors } from '@dbos-inc/dbos-sdk';
import { currentOwnerXid, runWithTopContext } from '@dbos-inc/dbos-sdk/internal/context';
import { getExecutor } from '@dbos-inc/dbos-sdk/internal/dbos';
import { dbRetryConfig } from '@dbos-inc/dbos-sdk/internal/utils';
import type pg from 'pg';
import { openEnginePool } from './dbos-pool.ts';
import { WorkflowError } from './errors.ts';
import type { Json } from './types.ts';

/**
 * All that we use of DBOS 5.3, its internals too, in one place. DBOS is one per process (registry, executor, settings are
 * globals), hence one running engine per process.
 */

export const QUEUE = 'godwit';
/** The engine's tables are read and fenced against by name; see journal.ts. */
export const DBOS_SCHEMA = 'dbos';

type Log = (level: 'debug' | 'info' | 'warn' | 'error', message: string, data?: Json) => void;
type Body = (jobId: string, owner: string) => Promise<void>;

const POOL_SIZE = 8;

let leaving = false;
let pool: pg.Pool | undefined;
const workflows = new Map<string, () => Promise<void>>();

export function registerWorkflow(name: string, body: Body): void {
  const run = DBOS.registerWorkflow(async () => {
    const jobId = DBOS.workflowID ?? '';
    await body(jobId, currentOwnerXid(jobId) ?? '');
  }, { name, maxRecoveryAttempts: 1_000 });
  workflows.set(name, run);
}

export interface LaunchOptions {
  readonly databaseUrl: string;
  readonly applicationVersion: string;
  readonly executorId: string;
  readonly queuePollMs: number;
  readonly log: Log;
}

/** Connects, migrates the engine's tables, takes this executor's own unfinished workflows up again, and starts working. */
export async function launch(options: LaunchOptions): Promise<void> {
  // Back-off while the database is away: the default of a minute is too long for a server that comes back in seconds.
  dbRetryConfig.initialBackoffSec = 0.2;
  dbRetryConfig.maxBackoffSec = 2;
  leaving = false;
  pool = openEnginePool(withIdleLimit(options.databaseUrl), POOL_SIZE, (e) => { options.log('warn', `a database connection was lost: ${e.message}`); });
  DBOS.setConfig({
    name: 'godwit',
    systemDatabaseUrl: withIdleLimit(options.databaseUrl),
    systemDatabaseSchemaName: DBOS_SCHEMA,
    systemDatabasePool: pool,
    applicationVersion: options.applicationVersion,
    executorID: options.executorId,
    // We use none of its messages and streams; saves a connection.
    useListenNotify: false,
    logger: logger(options.log),
  });
  await DBOS.launch();
  await DBOS.registerQueue(QUEUE, { partitionConcurrency: 1, minPollingIntervalMs: options.queuePollMs, onConflict: 'always_update' });
}

export async function enqueue(workflow: string, jobId: string, key: string): Promise<void> {
  const run = workflows.get(workflow);
  if (run === undefined) throw new Error(`workflow ${workflow} is not registered`);
  // Outside any workflow's context: a job that is submitted by a step is a job of its own, not a child.
  await runWithTopContext({}, async () => {
    await DBOS.startWorkflow(run, { workflowID: jobId, queueName: QUEUE, enqueueOptions: { queuePartitionKey: key } })();
  });
}

/** Runs `body` unless its result was recorded; records it. Must be called in a deterministic order. */
export async function recorded<T>(name: string, body: () => Promise<T>): Promise<T> {
  // There DBOS would run it unrecorded, without a word.
  if (!DBOS.isInWorkflow()) {
    throw new WorkflowError({ code: 'GW_WORKFLOW_STEP', kind: 'terminal', message: `Step "${name}" is begun inside another step, or outside its workflow: it could not be recorded there.` });
  }
  return await DBOS.runStep(body, { name, retriesAllowed: false });
}

/** Puts the unfinished workflows of these executors back on their queue, where the single-writer rule holds. */
export async function requeue(executorIds: string[]): Promise<number> {
  return (await getExecutor().recoverPendingWorkflows(executorIds)).length;
}

export async function forget(jobIds: string[]): Promise<void> {
  await runWithTopContext({}, async () => { await DBOS.deleteWorkflows(jobIds); });
}

/** Takes no more work from the queue; what runs goes on. */
export async function stopTaking(): Promise<void> {
  await getExecutor().deactivateEventReceivers();
}

export async function shutdown(): Promise<void> {
  leaving = true;
  await DBOS.shutdown({ deregister: true });
  workflows.clear();
  await pool?.end();
  pool = undefined;
}

/** To be thrown where a run finds that another controller has taken its job over: DBOS then records nothing of it. */
export function ownershipLost(jobId: string): Error {
  return new DBOSWorkflowConflictError(jobId);
}

/** Errors by which DBOS ends a run without an outcome; they must reach it unchanged. */
export function endsRun(e: unknown): boolean {
  return e instanceof DBOSWorkflowConflictError || e instanceof DbosErrors.DBOSWorkflowCancelledError;
}

/** The journal holds another step than the code wants: the code was changed under a running job. */
export function isChangedCode(e: unknown): boolean {
  return e instanceof DbosErrors.DBOSUnexpectedStepError || e instanceof DbosErrors.DBOSStepNondeterminismError;
}

/**
 * A controller that hangs in a transaction must not hold its locks for ever. DBOS would set this limit on each new connection by a
 * query beside the first one, of which pg 8 warns; given at connecting, it needs none.
 */
function withIdleLimit(databaseUrl: string): string {
  const url = new URL(databaseUrl);
  const own = url.searchParams.get('options');
  url.searchParams.set('options', `${own === null ? '' : `${own} `}-c idle_in_transaction_session_timeout=60000`);
  return url.toString();
}

function logger(log: Log) {
  const at = (level: 'debug' | 'info' | 'warn' | 'error') => (entry: unknown): void => {
    // Its start-up chatter is of no use to our operators; nor are the complaints of runs that are left standing when it is shut down.
    log(level === 'info' || leaving ? 'debug' : level, entry instanceof Error ? entry.message : String(entry));
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
