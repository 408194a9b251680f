import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { toJobError, toJson, WorkflowError } from './errors.ts';

describe('an error that is kept', () => {
  test('has the code, kind, message and details that were thrown, and where it happened', () => {
    const e = Object.assign(new Error('no quota'), { code: 'GW_QUOTA', kind: 'terminal', details: { free: 1 }, site: 's1', requestId: 'req-1', secret: 'x' });
    expect(toJobError(e)).toEqual({ code: 'GW_QUOTA', kind: 'terminal', message: 'no quota', details: { site: 's1', requestId: 'req-1', free: 1 } });
  });

  test('is retryable when it does not say, as are things that are no errors', () => {
    expect(toJobError(new TypeError('x is not a function'))).toEqual({ code: 'GW_UNEXPECTED', kind: 'retryable', message: 'x is not a function' });
    expect(toJobError(Object.assign(new Error(''), { code: 7, kind: 'odd' }))).toEqual({ code: 'GW_UNEXPECTED', kind: 'retryable', message: 'Error' });
    expect(toJobError('text')).toEqual({ code: 'GW_UNEXPECTED', kind: 'retryable', message: 'text' });
    expect(toJobError(undefined)).toEqual({ code: 'GW_UNEXPECTED', kind: 'retryable', message: 'null' });
  });

  test('is the same after any number of records', () => {
    fc.assert(fc.property(
      fc.record({ code: fc.string({ minLength: 1 }), kind: fc.constantFrom('terminal', 'retryable', 'waiting'), message: fc.string({ minLength: 1 }), details: fc.jsonValue() }),
      (fields) => {
        const once = toJobError(Object.assign(new Error(fields.message), fields));
        expect(toJobError(new WorkflowError(JSON.parse(JSON.stringify(once)) as typeof once))).toEqual(once);
      },
    ));
  });

  test('leaves out what JSON cannot hold', () => {
    const round: Record<string, unknown> = {};
    round['self'] = round;
    expect(toJobError(Object.assign(new Error('e'), { details: round }))).not.toHaveProperty('details');
    expect(toJson({ big: 5n, f: () => 1, d: new Date(0) })).toEqual({ big: '5', d: '1970-01-01T00:00:00.000Z' });
  });
});
