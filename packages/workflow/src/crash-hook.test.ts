import { describe, expect, test } from 'vitest';
import { crashHookFromEnv } from './crash-hook.ts';

describe('GODWIT_CRASH_AT', () => {
  test('unset gives no hook', () => {
    expect(crashHookFromEnv({})).toBeUndefined();
    expect(crashHookFromEnv({ GODWIT_CRASH_AT: '' })).toBeUndefined();
  });

  test('that cannot be read is refused', () => {
    expect(() => crashHookFromEnv({ GODWIT_CRASH_AT: 'protect:freeze' })).toThrow(/workflow:step:boundary/);
    expect(() => crashHookFromEnv({ GODWIT_CRASH_AT: 'protect:freeze:sometime' })).toThrow(/workflow:step:boundary/);
  });

  test('passes over every other place', async () => {
    const hook = crashHookFromEnv({ GODWIT_CRASH_AT: 'protect:nap:until:before' });
    const here = { jobId: 'j', workflow: 'protect', step: 'nap:until', boundary: 'before' as const };
    await hook?.({ ...here, boundary: 'after-record' });
    await hook?.({ ...here, step: 'nap' });
    await hook?.({ ...here, workflow: 'recover' });
    expect(hook).toBeTypeOf('function');
  });
});
