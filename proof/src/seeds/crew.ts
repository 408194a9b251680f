import { setTimeout as delay } from 'node:timers/promises';
import type { ControllerProcess } from '../controllers/processes.ts';
import type { Lane } from '../boundaries/lane.ts';

interface Member {
  process: ControllerProcess;
  up: boolean;
}

/** Two controllers on one database. One that was killed or stopped comes back, as an operator's service manager would have it. */
export class Crew {
  readonly #lane: Lane;
  readonly #url: string;
  readonly #members: Member[] = [];
  readonly #processes = new Set<ControllerProcess>();
  #asked = 0;
  #struck = 0;
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
    this.#asked += 1;
    return up[this.#asked % Math.max(1, up.length)]?.process.url ?? 'http://127.0.0.1:9';
  }

  /** Comes back after that: before the other has seen it die, or when that one has taken its jobs over. */
  async kill(comesBackAfterMs: number): Promise<void> {
    const [n, member] = this.#next();
    if (!member?.up) return;
    member.up = false;
    member.process.kill('SIGKILL');
    await member.process.ended;
    await delay(comesBackAfterMs);
    await this.#open(n, this.#lane.victim());
  }

  async stop(): Promise<void> {
    const [n, member] = this.#next();
    if (!member?.up) return;
    member.up = false;
    await member.process.close(200);
    await this.#open(n, member.process);
  }

  /** Ends their work on this database; the processes that live are given back. */
  async dismiss(): Promise<ControllerProcess[]> {
    await Promise.all(this.#members.filter((m) => m.up && !m.process.hasEnded).map((m) => m.process.close(0).catch(() => m.process.kill())));
    return this.#members.map((m) => m.process).filter((p) => !p.hasEnded);
  }

  /** One has ended that nobody killed. */
  get dead(): boolean {
    return this.#members.some((m) => m.up && m.process.hasEnded);
  }

  logs(): string {
    return [...this.#processes].flatMap((p) => p.log).join('');
  }

  #next(): [number, Member | undefined] {
    const n = this.#struck++ % this.#members.length;
    return [n, this.#members[n]];
  }

  async #open(n: number, process: ControllerProcess): Promise<void> {
    this.#lives += 1;
    // Half of them come back under their old name, half under another, as a new container would.
    const executorId = `controller${n}${this.#lives % 2 === 0 ? '' : `-${this.#lives}`}`;
    if (!this.#processes.has(process)) process.log.length = 0;
    this.#processes.add(process);
    await process.open(this.#lane.order(this.#url, { executorId }));
    this.#members[n] = { process, up: true };
  }
}
