import { z } from 'zod';
import { CliError } from '../errors.ts';
import { exit } from '../exit-codes.ts';
import type { Io } from '../io.ts';
import type { Api } from './client.ts';
import { readEvents } from './sse.ts';
import type { JobEvent } from './types.ts';

const eventSchema = z.looseObject({
  seq: z.number(),
  jobId: z.string(),
  at: z.string(),
  type: z.enum(['state', 'step', 'progress', 'log']),
  step: z.string().optional(),
  data: z.unknown(),
});

export interface FollowOptions {
  /** Events after this one; left out: as the server does by itself. */
  readonly after?: number;
  /** How long to go on trying while the server does not answer. Default 120 s. */
  readonly patienceMs?: number;
}

/**
 * Follows an event stream across breaks: takes it up again after the last event that was seen, so none is lost and none comes
 * twice. Ends when the server says that nothing more can come. Throws when it is gone for longer than patienceMs.
 */
export async function* follow(api: Api, io: Pick<Io, 'sleep' | 'now'>, path: string, signal: AbortSignal, options: FollowOptions = {}): AsyncIterable<JobEvent> {
  const patience = options.patienceMs ?? 120_000;
  let last = options.after;
  let answered = io.now().getTime();
  for (let pause = 250; !signal.aborted; pause = Math.min(pause * 2, 5_000)) {
    try {
      const headers: Record<string, string> = { accept: 'text/event-stream' };
      if (last !== undefined) headers['last-event-id'] = String(last);
      const response = await api.open('GET', path, { headers, signal });
      for await (const event of readEvents(response.body as unknown as AsyncIterable<Uint8Array>)) {
        answered = io.now().getTime();
        pause = 250;
        if (event.type === 'end') return;
        const parsed = eventSchema.safeParse(parseJson(event.data));
        if (!parsed.success) continue;
        last = parsed.data.seq;
        yield parsed.data as JobEvent;
      }
    } catch (error) {
      if (signal.aborted) return;
      // What may pass by itself is waited for; refused (the role was taken away, the job is gone) is final.
      if (error instanceof CliError && !passing(error)) throw error;
      if (io.now().getTime() - answered > patience) throw error;
    }
    await io.sleep(pause, signal).catch(() => undefined);
  }
}

const passing = ({ exitCode, facts }: CliError): boolean => exitCode === exit.unreachable || (facts.kind !== undefined && facts.kind !== 'terminal') || facts.code === 'GW_SERVER_ANSWER';

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
