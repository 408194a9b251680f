import progress, { type MultiBar, type SingleBar } from 'cli-progress';
import type { JobEvent, Progress } from '../api/types.ts';
import type { Out } from '../io.ts';
import { duration } from '../output/humane.ts';
import { amount, fraction, type JobView, logData, progressData, stepData, stepText } from './job-view.ts';

const scale = 1_000;
const nameWidth = 28;
const barWidth = 24;

/** Bars on a terminal: one for each step that is running, and one for each thing that its progress counts. */
export class BarsView implements JobView {
  readonly #bars: MultiBar;
  readonly #byName = new Map<string, SingleBar>();
  readonly #begun = new Map<string, number>();

  constructor(out: Out) {
    this.#bars = new progress.MultiBar({
      stream: out as unknown as NodeJS.WritableStream,
      format: render,
      hideCursor: true,
      clearOnComplete: false,
      stopOnComplete: false,
      // Ctrl-C is ours: the job goes on, and we say so.
      gracefulExit: false,
      fps: 8,
      emptyOnZero: true,
    } as progress.Options);
  }

  event(event: JobEvent): void {
    if (event.type === 'step' && event.step !== undefined) this.#step(event.step, event);
    else if (event.type === 'progress') this.#progress(event);
    else if (event.type === 'log') {
      const { data } = logData.safeParse(event.data);
      if (data) this.#bars.log(`${data.message}\n`);
    }
  }

  end(): void {
    this.#bars.update();
    this.#bars.stop();
  }

  #step(name: string, event: JobEvent): void {
    const { data } = stepData.safeParse(event.data);
    if (!data) return;
    const ms = new Date(event.at).getTime();
    if (data.state === 'running' && !this.#begun.has(name)) this.#begun.set(name, ms);
    const text = data.state === 'running' ? ((data.attempt ?? 1) > 1 ? `try ${data.attempt}` : '') : stepText(data, ms - (this.#begun.get(name) ?? ms));
    const ended = data.state === 'succeeded' || data.state === 'failed';
    const mark = data.state === 'succeeded' ? '✔' : data.state === 'failed' ? '✖' : '…';
    this.#update(name, ended ? 1 : undefined, { mark, name, text, bar: false });
  }

  #progress(event: JobEvent): void {
    const { data } = progressData.safeParse(event.data);
    if (!data) return;
    const p = data as Progress;
    const part = fraction(p);
    const name = p.item ?? event.step ?? p.phase;
    this.#update(`${event.step ?? ''}/${p.item ?? ''}`, part, { mark: ' ', name, text: [p.phase, amount(p), p.message].filter(Boolean).join(' '), bar: part !== undefined });
  }

  #update(key: string, part: number | undefined, payload: Payload): void {
    let bar = this.#byName.get(key);
    if (!bar) {
      bar = this.#bars.create(scale, 0, payload);
      this.#byName.set(key, bar);
    }
    bar.update(Math.round((part ?? 0) * scale), payload);
  }
}

interface Payload {
  readonly mark: string;
  readonly name: string;
  readonly text: string;
  readonly bar: boolean;
}

function render(_options: progress.Options, params: progress.Params, payload: Payload): string {
  const name = payload.name.length > nameWidth ? `${payload.name.slice(0, nameWidth - 1)}…` : payload.name.padEnd(nameWidth);
  const filled = Math.round((params.value / scale) * barWidth);
  const bar = payload.bar ? `${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)} ` : '';
  const running = payload.mark === '…' ? ` ${duration(Date.now() - params.startTime)}` : '';
  return `${payload.mark} ${name} ${bar}${payload.text}${running}`;
}
