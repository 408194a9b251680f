import { type ChildProcess, spawn } from 'node:child_process';
import { bundleController } from './bundle.ts';
import type { ControllerOrder, JobOrder, Order, Report } from './protocol.ts';

type Opened = Extract<Report, { opened: unknown }>['opened'];
type BoundaryReport = Extract<Report, { boundary: unknown }>['boundary'];

/** A controller's process. It can be opened and closed again and again (on other databases, too), until it is killed. */
export class ControllerProcess {
  readonly child: ChildProcess;
  /** With the signal's name where one ended it. */
  readonly ended: Promise<string>;
  /** All that it has logged. */
  readonly log: string[] = [];
  /** Of the newest open(), as `held`. */
  readonly boundaries: BoundaryReport[] = [];
  /** Jobs that are held. */
  readonly held = new Set<string>();
  /** Of the newest open(). */
  url = '';
  readonly #waiting: { readonly fits: (report: Report) => boolean; readonly resolve: (report: Report) => void; readonly reject: (error: Error) => void }[] = [];
  readonly ready: Promise<unknown>;
  hasEnded = false;

  constructor(file: string) {
    this.child = spawn(process.execPath, ['--enable-source-maps', file], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], env: { PATH: process.env['PATH'] ?? '' } });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => void this.log.push(text));
    this.ready = this.#report((r) => 'ready' in r);
    this.ready.catch(() => undefined);
    this.child.on('message', (report: Report) => this.#hear(report));
    this.ended = new Promise((resolve) => this.child.once('exit', (code, signal) => {
      this.hasEnded = true;
      for (const { reject } of this.#waiting.splice(0)) reject(new ControllerDied(signal ?? String(code)));
      resolve(signal ?? String(code));
    }));
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** Rejects with ControllerDied when it is killed meanwhile, by itself too. */
  async open(order: ControllerOrder): Promise<Opened> {
    await this.ready;
    this.held.clear();
    this.boundaries.length = 0;
    const answer = this.#report((r) => 'opened' in r);
    this.#order({ open: order });
    const { opened } = (await answer) as { opened: Opened };
    this.url = opened.url;
    return opened;
  }

  async close(graceMs = 0): Promise<void> {
    const answer = this.#report((r) => 'closed' in r);
    this.#order({ close: { graceMs } });
    await answer;
  }

  /** What is to become of jobs. */
  order(jobs: Readonly<Record<string, JobOrder>>): void {
    this.#order({ jobs });
  }

  kill(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT' = 'SIGKILL'): void {
    this.child.kill(signal);
  }

  #order(order: Order): void {
    this.child.send(order, () => undefined);
  }

  #report(fits: (report: Report) => boolean): Promise<Report> {
    if (this.hasEnded) return Promise.reject(new ControllerDied('before'));
    return new Promise((resolve, reject) => this.#waiting.push({ fits, resolve, reject }));
  }

  #hear(report: Report): void {
    if ('boundary' in report) {
      this.boundaries.push(report.boundary);
      return;
    }
    if ('held' in report) {
      this.held.add(report.held);
      return;
    }
    const failed = 'failed' in report;
    const at = this.#waiting.findIndex(({ fits }) => failed || fits(report));
    const [waiter] = at < 0 ? [] : this.#waiting.splice(at, 1);
    if (failed) waiter?.reject(new Error(`the controller said: ${report.failed}\n${this.log.join('').slice(-2_000)}`));
    else waiter?.resolve(report);
  }
}

export class ControllerDied extends Error {
  constructor(how: string) {
    super(`the controller ended: ${how}`);
  }
}

/** Makes controllers' processes, and kills those that are left at the end. */
export class Controllers {
  readonly #bundle: Awaited<ReturnType<typeof bundleController>>;
  readonly #all: ControllerProcess[] = [];

  private constructor(bundle: Awaited<ReturnType<typeof bundleController>>) {
    this.#bundle = bundle;
  }

  static async make(): Promise<Controllers> {
    return new Controllers(await bundleController());
  }

  spawn(): ControllerProcess {
    const made = new ControllerProcess(this.#bundle.file);
    this.#all.push(made);
    return made;
  }

  /** All that any controller has logged. */
  logged(): string {
    return this.#all.flatMap((c) => c.log).join('');
  }

  async end(): Promise<void> {
    // One that is stopped takes this signal all the same.
    for (const c of this.#all) c.kill('SIGKILL');
    await Promise.all(this.#all.map((c) => c.ended));
    await this.#bundle.remove();
  }
}
