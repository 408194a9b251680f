import { describe, expect, it } from 'vitest';

import { exec, execOk, tail } from './exec.ts';

describe('exec', () => {
  it('hands input over and returns status and both outputs', async () => {
    expect(await exec(['sh', '-c', 'cat; echo no >&2; exit 3'], { input: 'hello' })).toEqual({ code: 3, stdout: 'hello', stderr: 'no\n' });
  });

  it('kills what takes too long, even if a grandchild holds the output', async () => {
    const began = Date.now();
    const result = await exec(['sh', '-c', 'sleep 3 & sleep 3'], { timeoutMs: 100 });
    expect(result.code).toBe(124);
    expect(Date.now() - began).toBeLessThan(1500);
  });

  it('reports a command that is not there, and one that fails with the end of its words', async () => {
    await expect(exec(['/no/such/command'])).rejects.toMatchObject({ code: 'LAB_EXEC' });
    await expect(execOk(['sh', '-c', 'seq 50 >&2; exit 1'])).rejects.toThrow(/status 1:\n36\n(.*\n)*50$/);
  });

  it('survives a command that does not read its input', async () => {
    expect((await exec(['true'], { input: 'x'.repeat(1 << 20) })).code).toBe(0);
  });

  it('tail keeps the last lines', () => {
    expect(tail('a\nb\nc\n', 2)).toBe('b\nc');
  });
});
