import { retriablePostgresException } from '@dbos-inc/dbos-sdk/internal/system_database';
import { expect, test } from 'vitest';
import { openEnginePool, tell } from './dbos-pool.ts';

const coded = (code: string, message: string): Error => Object.assign(new Error(message), { code });

test.each([coded('EPIPE', 'write EPIPE'), coded('ENOENT', 'connect ENOENT /run/.s.PGSQL.5432'), new Error('Connection terminated'), coded('25006', 'cannot execute INSERT in a read-only transaction')])(
  'the engine waits for a database of which the driver says: $message', (error) => {
    expect(retriablePostgresException(error)).toBe(false);
    expect(retriablePostgresException(tell(error))).toBe(true);
  });

test('what waiting does not mend is told as it was', () => {
  const wrong = coded('42P01', 'relation "x" does not exist');
  expect(tell(wrong)).toBe(wrong);
  expect(wrong.cause).toBeUndefined();
});

test('a pool tells it of connections that cannot be made', async () => {
  const pool = openEnginePool('postgresql://me@localhost/x?host=/nowhere', 1, () => undefined);
  const error: unknown = await pool.query('SELECT 1').catch((e: unknown) => e);
  expect(error).toMatchObject({ code: 'ENOENT' });
  expect(retriablePostgresException(error)).toBe(true);
  await pool.end();
});
