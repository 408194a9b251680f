import { buildRouteMap } from '@stricli/core';
import { follow } from '../api/follow.ts';
import type { JobEvent } from '../api/types.ts';
import { command, type Context, integer } from '../command.ts';
import { exit } from '../exit-codes.ts';
import { amount, logData, progressData, stateData, stepData, stepText } from '../wait/job-view.ts';

const watch = command<{ readonly after?: number }>({
  brief: 'Watch what happens in the project’s jobs, until Ctrl-C',
  description: 'With -f json one event a line.',
  flags: { after: { kind: 'parsed', parse: integer(0, Number.MAX_SAFE_INTEGER), optional: true, placeholder: 'SEQ', brief: 'Also what came after this event' } },
  run: async (cli, { flags }) => {
    const stop = new AbortController();
    const release = cli.io.onInterrupt(() => stop.abort());
    try {
      for await (const event of follow(cli.api, cli.io, '/v1/events', stop.signal, flags)) {
        cli.io.stdout.write(cli.print.format === 'json' ? `${JSON.stringify(event)}\n` : `${line(event)}\n`);
      }
      return stop.signal.aborted ? exit.interrupted : exit.ok;
    } finally {
      release();
    }
  },
});

function line(event: JobEvent): string {
  return `${event.at} ${event.seq} ${event.jobId} ${[event.step, text(event)].filter(Boolean).join(': ')}`;
}

function text({ type, data }: JobEvent): string {
  switch (type) {
    case 'state':
      return stateData.safeParse(data).data?.state ?? '';
    case 'step': {
      const step = stepData.safeParse(data).data;
      return step ? stepText(step, undefined) : '';
    }
    case 'progress': {
      const p = progressData.safeParse(data).data;
      return p ? [p.phase, p.item, amount(p as Parameters<typeof amount>[0]), p.message].filter(Boolean).join(' ') : '';
    }
    case 'log':
      return logData.safeParse(data).data?.message ?? '';
  }
}

export const eventRoutes = buildRouteMap<'watch', Context>({ routes: { watch }, docs: { brief: 'Events' } });
