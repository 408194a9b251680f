import { Renewal } from './enrolment/renewal.ts';
import type { Identity } from './enrolment/identity.ts';
import { Link } from './link/link.ts';
import { parseAddress, tidy } from './node/addresses.ts';
import { Commands, toWire } from './node/commands.ts';
import type { Files } from './node/files.ts';
import type { Log } from './node/log.ts';
import type { Role } from './node/role.ts';
import type { AgentReport } from './protocol/frames.ts';

export interface AgentOptions {
  readonly identity: Identity;
  readonly role: Role;
  readonly stateDir: string;
  readonly files: Files;
  readonly agentVersion: string;
  readonly log: Log;
  /** Of agent.yaml, besides those of the enrolment and those told since. */
  readonly controllers?: readonly string[];
  readonly maxPauseMs?: number;
  readonly rssBytes?: () => number;
}

const gatherMs = 100;

/** The agent of a node: links to all controllers, one role, reports. */
export class Agent {
  readonly #options: AgentOptions;
  readonly #renewal: Renewal;
  readonly #commands: Commands;
  readonly #links = new Map<string, Link>();
  readonly #begun = Date.now();
  #reportEveryMs = 5_000;
  #reportTimer: NodeJS.Timeout | undefined;
  #renewTimer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: AgentOptions) {
    this.#options = options;
    this.#renewal = new Renewal(options.files, options.stateDir, options.identity, options.log);
    this.#commands = new Commands(options.role.handlers);
  }

  async start(): Promise<void> {
    await this.#options.role.start(() => this.#reportIn(gatherMs));
    this.#connect(this.#renewal.identity.controllers);
    this.#renewTimer = setInterval(() => this.#renewal.tick(Date.now(), (csr) => [...this.#links.values()].some((l) => l.renew(csr))), 1_000);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#reportTimer);
    clearInterval(this.#renewTimer);
    for (const link of this.#links.values()) link.stop();
    await this.#options.role.stop();
  }

  report(): AgentReport {
    const { role, agentVersion, rssBytes = () => process.memoryUsage.rss() } = this.#options;
    return {
      at: new Date().toISOString(),
      agentVersion,
      uptimeSeconds: Math.round((Date.now() - this.#begun) / 1_000),
      rssBytes: rssBytes(),
      [role.name]: role.report(),
    };
  }

  /** A link to each controller; one whose address is no longer told keeps its link while it holds. */
  #connect(told: readonly string[]): void {
    const wanted = tidy([...(this.#options.controllers ?? []), ...told]);
    for (const [address, link] of this.#links) {
      if (wanted.includes(address) || link.connected) continue;
      link.stop();
      this.#links.delete(address);
    }
    for (const address of wanted) {
      if (this.#links.has(address)) continue;
      const { agentVersion, log, maxPauseMs } = this.#options;
      const link = new Link({
        address: parseAddress(address),
        agentVersion,
        log,
        toWire,
        ...(maxPauseMs !== undefined && { maxPauseMs }),
        credentials: () => this.#renewal.identity,
        run: (call, signal) => this.#commands.run(call.command, call.args, call.timeoutMs, signal),
        onWelcome: (welcome) => {
          this.#reportEveryMs = welcome.reportEveryMs;
          if (welcome.renew) this.#renewal.hurry();
          // What was given here stays known, after those that are told: a controller need not know by which address this node reaches it.
          const known = tidy([...welcome.controllers, ...this.#renewal.identity.controllers]).slice(0, 32);
          void this.#renewal.learn(known);
          this.#connect(known);
          this.#reportIn(0);
        },
        onRenewed: (renewed) => void this.#renewal.take(renewed),
      });
      this.#links.set(address, link);
      link.start();
    }
  }

  #reportIn(ms: number): void {
    if (this.#stopped) return;
    clearTimeout(this.#reportTimer);
    this.#reportTimer = setTimeout(() => {
      const links = [...this.#links.values()].filter((l) => l.connected);
      if (links.length > 0) {
        const report = this.report();
        for (const link of links) link.report(report);
      }
      this.#reportIn(this.#reportEveryMs);
    }, ms);
  }
}
