import { z } from 'zod';
import type { JobEvent, Progress } from '../api/types.ts';
import { bytes, duration } from '../output/humane.ts';

/** What is shown of a job while it runs. */
export interface JobView {
  event(event: JobEvent): void;
  /** Leaves the terminal clean. */
  end(): void;
}

const errorSchema = z.looseObject({ code: z.string(), message: z.string() });
export const stepData = z.looseObject({ state: z.string(), attempt: z.number().optional(), error: errorSchema.optional(), retryInMs: z.number().optional() });
export const progressData = z.looseObject({
  phase: z.string(),
  item: z.string().optional(),
  done: z.number().optional(),
  total: z.number().optional(),
  unit: z.string().optional(),
  message: z.string().optional(),
});
export const logData = z.looseObject({ message: z.string() });
export const stateData = z.looseObject({ state: z.string(), resumed: z.boolean().optional() });

/** `120.0 MiB of 1.0 GiB`, `40 %`, `1 of 2 members`; empty where nothing is counted. */
export function amount({ done, total, unit }: Progress): string {
  if (done === undefined) return '';
  if (unit === 'percent') return `${Math.round(done)} %`;
  const show = unit === 'bytes' ? bytes : String;
  const of = total === undefined ? show(done) : `${show(done)} of ${show(total)}`;
  return unit === undefined || unit === 'bytes' ? of : `${of} ${unit}`;
}

/** 0 to 1; undefined where the end is not known. */
export function fraction({ done, total, unit }: Progress): number | undefined {
  if (done === undefined) return undefined;
  const all = total ?? (unit === 'percent' ? 100 : undefined);
  return all === undefined || all <= 0 ? undefined : Math.min(1, Math.max(0, done / all));
}

/** What a step's event says, but for its beginning: `done in 1.20 s`. */
export function stepText(data: z.infer<typeof stepData>, sinceMs: number | undefined): string {
  const error = data.error ? `: ${data.error.code}: ${data.error.message}` : '';
  const again = data.retryInMs === undefined ? '' : ` (tried again in ${duration(data.retryInMs)})`;
  if (data.state === 'succeeded') return sinceMs === undefined ? 'done' : `done in ${duration(sinceMs)}`;
  return `${data.state}${error}${again}`;
}
