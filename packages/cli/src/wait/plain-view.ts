import type { JobEvent, Progress } from '../api/types.ts';
import type { Out } from '../io.ts';
import { amount, fraction, type JobView, logData, progressData, stateData, stepData, stepText } from './job-view.ts';

/** A line for each thing that happens, for logs and pipes. Of progress only a new phase, every tenth part, and the end. */
export class PlainView implements JobView {
  readonly #out: Out;
  readonly #begun = new Map<string, number>();
  readonly #shown = new Map<string, { phase: string; tenth: number }>();

  constructor(out: Out) {
    this.#out = out;
  }

  event(event: JobEvent): void {
    const at = new Date(event.at);
    const text = this.#text(event, at.getTime());
    if (text !== undefined) this.#out.write(`${at.toISOString().slice(11, 19)} ${text}\n`);
  }

  end(): void {}

  #text(event: JobEvent, ms: number): string | undefined {
    const step = event.step ?? '';
    switch (event.type) {
      case 'state': {
        const { data } = stateData.safeParse(event.data);
        return data && `job ${data.resumed === true ? 'resumed' : data.state}`;
      }
      case 'step': {
        const { data } = stepData.safeParse(event.data);
        if (!data) return undefined;
        if (data.state === 'running') {
          if (!this.#begun.has(step)) this.#begun.set(step, ms);
          return (data.attempt ?? 1) > 1 ? `${step}: try ${data.attempt}` : `${step} …`;
        }
        const begun = this.#begun.get(step);
        return `${step}: ${stepText(data, begun === undefined ? undefined : ms - begun)}`;
      }
      case 'progress': {
        const { data } = progressData.safeParse(event.data);
        return data && this.#progress(data as Progress);
      }
      case 'log': {
        const { data } = logData.safeParse(event.data);
        return data && `  ${data.message}`;
      }
    }
  }

  #progress(p: Progress): string | undefined {
    const key = p.item ?? '';
    const part = fraction(p);
    const tenth = part === undefined ? -1 : Math.floor(part * 10);
    const last = this.#shown.get(key);
    if (last?.phase === p.phase && last.tenth === tenth) return undefined;
    this.#shown.set(key, { phase: p.phase, tenth });
    return `  ${[p.phase, p.item ?? '', amount(p), p.message ?? ''].filter((s) => s !== '').join(' ')}`;
  }
}
