import { setTimeout as delay } from 'node:timers/promises';
import type { ControllerProcess } from '../controllers/processes.ts';
import type { Lane } from '../boundaries/lane.ts';

/** Two controllers on one database. One that was killed or stopped comes back, as an operator's service manager would have it. */
export class Crew {
  readonly #lane: Lane;
  readonly #url: string;
  readonly #members: { process: ControllerProcess; up: boolean }[] = [];
  #turn = 0;
  #lives = 0;

  private constructor(lane: Lane, url: string) {
    this.#lane = lane;
    this.#url = url;
  }

  static async muster(lane: Lane, url: string, processes: readonly ControllerProcess[]): Promise<Crew> {
    const crew = new Crew(lane, url);
    await Promise.all(processes.map((p, n) => crew.#open(n, p)));
    return crew;
  }

  /** Address of one that is up; they take turns. */
  get url(): string {
    const up = this.#members.filter((m) => m.up);
    this.#turn += 1;
    return up[this.#turn % Math.max(1, up.length)]?.process.url ?? 'http://127.0.0.1:9';
  }

  async kill(): Promise<void> {
    const n = this.#turn % this.#members.length;
    const member = this.#members[n];
    if (!member?.up) return;
    member.up = false;
    member.process.kill('SIGKILL');
    await member.process.ended;
    // Sometimes the others have taken over before it is back, sometimes not.
    if (this.#turn % 2 === 0) await delay(3_500);
    await this.#open(n, this.#lane.victim());
  }

  async stop(): Promise<void> {
    const n = this.#turn % this.#members.length;
    const member = this.#members[n];
    if (!member?.up) return;
    member.up = false;
    await member.process.close(200);
    await this.#open(n, member.process);
  }

  /** Ends their work on this database; the processes that live are given back. */
  async dismiss(): Promise<ControllerProcess[]> {
    await Promise.all(this.#members.filter((m) => m.up).map((m) => m.process.close(0).catch(() => m.process.kill())));
    return this.#members.map((m) => m.process).filter((p) => !p.hasEnded);
  }

  get dead(): boolean {
    return this.#members.some((m) => m.up && m.process.hasEnded);
  }

  logs(): string {
    return this.#members.map((m) => m.process.log.join('')).join('');
  }

  async #open(n: number, process: ControllerProcess): Promise<void> {
    this.#lives += 1;
    // Half of them come back under their old name, half under another, as a new container would.
    const executorId = `controller${n}${this.#lives % 2 === 0 ? '' : `-${this.#lives}`}`;
    await process.open(this.#lane.order(this.#url, { executorId, deadAfterMs: 3_000, heartbeatMs: 300 }));
    this.#members[n] = { process, up: true };
  }
}
