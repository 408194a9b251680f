import type { StorageConfig } from '../node/config.ts';
import type { Log } from '../node/log.ts';
import { handler, type Handler, type Role } from '../node/role.ts';
import { AgentError, reason } from '../protocol/errors.ts';
import { storage, type StorageReport } from '../protocol/storage.ts';
import { failed } from './failures.ts';
import { Images } from './images.ts';
import { fsidOf, readPool } from './parse.ts';
import type { RunRbd } from './run-rbd.ts';

export interface StorageRoleOptions {
  readonly config: Pick<StorageConfig, 'pools'>;
  readonly run: RunRbd;
  /** Text of ceph.conf. */
  readonly readConf: () => Promise<string>;
  readonly log: Log;
  readonly pollMs?: number;
}

const lookMs = 60_000;

/** Mirrored images of a site's Ceph, in the pools that its agent.yaml names. */
export class StorageRole implements Role {
  readonly name = 'storage';
  readonly handlers: readonly Handler[];
  readonly #options: StorageRoleOptions;
  #last: StorageReport = { driver: 'ceph-rbd', cluster: '', pools: [], problems: [{ code: 'GW_STORAGE_UNREACHABLE', message: 'the cluster was not looked at yet' }] };
  #sign = '';
  #changed: () => void = () => undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: StorageRoleOptions) {
    this.#options = options;
    const images = new Images(options.run);
    const pool = <T extends { pool: string }>(args: T): T => {
      if (options.config.pools.includes(args.pool)) return args;
      throw new AgentError('GW_STORAGE_POOL', 'terminal', `this agent has no pool ${args.pool}`, { action: 'Name it in storage.pools of its agent.yaml, and give its Ceph user the right to it.' });
    };
    const told = (what: string, { pool: p, group, images: list }: { pool: string; group: string; images: readonly string[] }): void => options.log('info', what, { pool: p, group, images: list.length });
    // One lane for all that changes: a promote is not to meet a demote of the same image. What is asked in a freeze must not wait behind a long copy.
    this.handlers = [
      handler(storage.report, undefined, async (_none, signal) => (await this.#look(signal), this.#last)),
      handler(storage.look, undefined, (args, signal) => Promise.all(pool(args).images.map((i) => images.look(args.pool, i, signal)))),
      handler(storage.enable, 'images', async ({ mode, ...own }, signal) => (told('images are mirrored', own), await images.enable(pool(own), mode, signal))),
      handler(storage.mark, 'mark', ({ point, ...own }, signal) => images.mark(pool(own), point, signal)),
      handler(storage.unmark, 'images', async ({ point, ...own }, signal) => (await images.unmark(pool(own), point, signal), {})),
      handler(storage.promote, 'images', async ({ force, ...own }, signal) => (told(force ? 'images are promoted by force' : 'images are promoted', own), await images.promote(pool(own), force, signal), {})),
      handler(storage.demote, 'images', async (own, signal) => (told('images are demoted', own), await images.demote(pool(own), signal), {})),
      handler(storage.rollback, 'images', async ({ point, ...own }, signal) => (await images.rollback(pool(own), point, signal), {})),
      handler(storage.resync, 'images', async (own, signal) => (told('images are given up and copied anew', own), await images.resync(pool(own), signal), {})),
      handler(storage.keep, 'images', ({ label, ...own }, signal) => images.keep(pool(own), label, signal)),
      handler(storage.rename, 'images', async ({ group, from, to, ...where }, signal) => (await images.rename(pool(where).pool, group, from, to, signal), {})),
      handler(storage.sums, 'sums', ({ point, ...own }, signal) => images.sums(pool(own), point, signal)),
      handler(storage.disable, 'images', async (own, signal) => (told('mirroring ends', own), await images.disable(pool(own), signal), {})),
    ];
  }

  report(): StorageReport {
    return this.#last;
  }

  ready(): { readonly ok: boolean; readonly reasons: StorageReport['problems'] } {
    return { ok: this.#last.problems.length === 0, reasons: this.#last.problems };
  }

  start(changed: () => void): Promise<void> {
    this.#changed = changed;
    // Not waited for: a cluster that cannot be reached must not keep the agent from calling home.
    void this.#tick();
    return Promise.resolve();
  }

  stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    return Promise.resolve();
  }

  async #tick(): Promise<void> {
    await this.#look(AbortSignal.timeout(lookMs));
    if (!this.#stopped) this.#timer = setTimeout(() => void this.#tick(), this.#options.pollMs ?? 15_000);
  }

  async #look(signal: AbortSignal): Promise<void> {
    const problems: { code: string; message: string }[] = [];
    const note = (error: unknown): void => void problems.push({ code: error instanceof AgentError ? error.code : 'GW_STORAGE_FAILED', message: reason(error).slice(0, 2000) });
    const cluster = await this.#options.readConf().then(fsidOf, (error: unknown) => (note(error), ''));
    if (cluster === '' && problems.length === 0) problems.push({ code: 'GW_STORAGE_CONFIG', message: 'ceph.conf names no fsid, so nobody can tell which cluster this is' });
    const pools: StorageReport['pools'] = [];
    for (const name of this.#options.config.pools) {
      try {
        const answer = await this.#options.run(['mirror', 'pool', 'info', name, '--format', 'json'], signal);
        if (answer.code !== 0) throw failed(`pool ${name}`, answer);
        pools.push(readPool(answer.stdout, name));
      } catch (error) {
        note(error);
      }
    }
    this.#last = { driver: 'ceph-rbd', cluster, pools, problems: problems.slice(0, 100) };
    const sign = JSON.stringify(this.#last);
    if (sign !== this.#sign) {
      this.#sign = sign;
      this.#changed();
    }
  }
}
