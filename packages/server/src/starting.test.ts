import { GodwitError } from '@godwit/sites';
import { databaseError, ofTheDriver, WorkflowError } from '@godwit/workflow';
import { expect, it } from 'vitest';
import { onceDatabaseAnswers } from './starting.ts';

const url = 'postgresql://godwit:geheim@db.example:5432/godwit';
const driver = (code: string, message: string) => Object.assign(new Error(message), { code, severity: 'FATAL' });

/** A start that fails with these, one after the other, and then succeeds; by a clock that only sleeping moves. */
function starts(...errors: Error[]) {
  const [pauses, lines] = [[] as number[], [] as string[]];
  let at = 0;
  const start = (): Promise<string> => {
    const error = errors.shift();
    return error === undefined ? Promise.resolve('up') : Promise.reject(error);
  };
  const end = onceDatabaseAnswers(start, { now: () => at, log: (line) => lines.push(line), sleep: (ms) => { pauses.push(ms); at += ms; return Promise.resolve(); } });
  return { end, pauses, lines };
}

it('waits for a database that is away, ever longer, and says so each time without its password', async () => {
  const away = [driver('ECONNREFUSED', 'connect ECONNREFUSED'), driver('57P03', 'the database system is starting up'), ...Array.from({ length: 6 }, () => new Error('timeout exceeded when trying to connect'))];
  const { end, pauses, lines } = starts(...away.map((e) => databaseError(e, url)));
  expect(await end).toBe('up');
  expect(pauses).toEqual([500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]);
  expect(lines).toHaveLength(8);
  expect(lines[1]).toMatch(/^waiting for the database, 1 s so far: .*"godwit" at db\.example:5432 as "godwit".*starting up/);
  expect(lines.join()).not.toContain('geheim');
});

it.each([
  databaseError(driver('28P01', 'password authentication failed'), url),
  databaseError(driver('3D000', 'database "godwit" does not exist'), url),
  new GodwitError('GW_CONFIG_INVALID', 'terminal', 'no such cloud'),
  new WorkflowError({ code: 'GW_ENGINE_STATE', kind: 'retryable', message: 'x' }),
])('gives up at once what waiting does not mend: $message', async (error) => {
  const { end, pauses } = starts(error);
  await expect(end).rejects.toBe(error);
  expect(pauses).toEqual([]);
});

it('knows the driver’s error inside of the engine’s', () => {
  const wrapped = Object.assign(new Error('Failed to initialize'), { dbosErrorCode: 3, error: driver('57P03', 'the database system is starting up') });
  expect(databaseError(wrapped, url)).toMatchObject({ code: 'GW_DATABASE', kind: 'retryable' });
});

it('takes no missing file for a missing database', () => {
  const missing = (syscall: string) => Object.assign(new Error('ENOENT'), { code: 'ENOENT', syscall });
  expect(ofTheDriver(missing('open'))).toBeUndefined();
  expect(ofTheDriver(missing('connect'))).toBeDefined();
});
