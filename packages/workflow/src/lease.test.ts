import { describe, expect, test } from 'vitest';
import { Lease, stillOurs, withScope } from './lease.ts';
import { StepLife } from './step-life.ts';

function lease() {
  const now = { steady: 1_000, wall: 5_000_000 };
  const made = new Lease(1_000, { steady: () => now.steady, wall: () => now.wall });
  return { lease: made, pass: (ms: number) => { now.steady += ms; now.wall += ms; }, now };
}

describe('a lease', () => {
  test('lasts a little less than others wait, counted from before the sign of life', () => {
    const l = lease();
    expect(l.lease.valid).toBe(false);
    const renew = l.lease.begin();
    l.pass(300);
    renew();
    expect(l.lease.valid).toBe(true);
    l.pass(490);
    expect(l.lease.valid).toBe(true);
    l.pass(20);
    expect(l.lease.valid).toBe(false);
  });

  test('is over when either clock says so, and when the wall clock was set back', () => {
    for (const change of [{ steady: 900 }, { wall: 900 }, { wall: -10_000 }]) {
      const l = lease();
      l.lease.begin()();
      l.now.steady += change.steady ?? 0;
      l.now.wall += change.wall ?? 0;
      expect(l.lease.valid).toBe(false);
    }
  });
});

describe('a change that a step makes', () => {
  const scope = (l: Lease, life = new StepLife(true), lost = false) => ({ jobId: 'j', lease: l, life, lost: () => lost });

  test('waits for the lease, and goes on when it is renewed', async () => {
    const l = lease();
    let done = false;
    const change = withScope(scope(l.lease), async () => { await stillOurs(); done = true; });
    await new Promise((r) => setTimeout(r, 5));
    expect(done).toBe(false);
    l.lease.begin()();
    await change;
    expect(done).toBe(true);
  });

  test('is refused when the look that renews the lease finds the job gone', async () => {
    const l = lease();
    const life = new StepLife(true);
    const change = withScope(scope(l.lease, life), () => stillOurs());
    life.end('lost', new Error('taken'));
    l.lease.begin()();
    await expect(change).rejects.toMatchObject({ code: 'GW_JOB_TAKEN_OVER' });
  });

  test('is given up with its own signal, and is nobody’s business outside of steps', async () => {
    const l = lease();
    const abort = new AbortController();
    const change = withScope(scope(l.lease), () => stillOurs(abort.signal));
    abort.abort(new Error('enough'));
    await expect(change).rejects.toThrow('enough');
    await stillOurs();
  });

  test('of a cancelled step, which cleans up, waits for the lease too', async () => {
    const l = lease();
    const life = new StepLife(true);
    life.begin(true);
    life.cancel(new Error('cancelled'));
    let done = false;
    const change = withScope(scope(l.lease, life), async () => { await stillOurs(); done = true; });
    await new Promise((r) => setTimeout(r, 5));
    expect(done).toBe(false);
    l.lease.begin()();
    await change;
  });
});
