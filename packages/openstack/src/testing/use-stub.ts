import { onTestFinished } from 'vitest';
import { startStub, type Stub, type StubOptions } from './stub.ts';

/** A stub for one test, closed at its end. */
export async function useStub(options?: StubOptions): Promise<Stub> {
  const stub = await startStub(options);
  onTestFinished(() => stub.close());
  return stub;
}

/** A clock that a test sets. */
export function manualClock(start = Date.UTC(2026, 0, 1)): { now(): number; advance(ms: number): void } {
  let now = start;
  return { now: () => now, advance: (ms) => void (now += ms) };
}

export const volume = (id: string): Record<string, unknown> => ({ id, name: id, status: 'available', size: 1, bootable: 'false', attachments: [], metadata: {} });
