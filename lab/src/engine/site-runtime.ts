import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { LabError, messageOf } from '../errors.ts';
import { exec, tail, type ExecResult } from '../host/exec.ts';
import { isAlive, parsePidFile, processState, startTimeOf, type ProcessIdentity } from '../host/pid.ts';
import type { Relay } from '../relay/client.ts';
import { siteApi } from '../seed/site-api.ts';
import { allComponents as components } from './components.ts';
import type { Progress } from './progress.ts';
import type { Service, SiteContext, SiteExecOptions, SiteFacts, SiteFile } from './types.ts';

const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The arguments that run a command inside a site, and the environment it gets. */
export function enterSite(holder: ProcessIdentity, argv: readonly string[], user?: string): string[] {
  return [
    'nsenter', `--target=${String(holder.pid)}`, '--mount', '--pid', '--net', '--uts', '--ipc', '--',
    ...(user === undefined ? [] : ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--init-groups', '--']),
    ...argv,
  ];
}

export const siteEnv = (user?: string, extra: Readonly<Record<string, string>> = {}): Record<string, string> => ({
  PATH: path, LC_ALL: 'C.UTF-8', HOME: user === undefined ? '/root' : `/var/lib/${user}`, ...extra,
});

/** A site that has a holder: its processes, files and services. */
export interface SiteRuntime {
  readonly context: SiteContext;
  /** Those that run as long as the site does. */
  readonly services: readonly Service[];
  /** Those that run only after somebody started them. Their components are configured then. */
  readonly onDemand: readonly Service[];
  /** Of both kinds. */
  service(name: string): Service;
  /** Writes the configuration of every component that always runs. */
  configure(): void;
  /** Writes the configuration of a service that runs on demand, as its start would. */
  configureService(service: Service): void;
  /** Starts a service and waits until it serves. One that runs already is only waited for. */
  start(service: Service, progress: Progress): Promise<void>;
  /** Ends a service's whole session; with `kill` at once. Returns when no process of it is left. */
  stop(service: Service, kill: boolean): Promise<void>;
  isRunning(name: string): boolean;
  log(name: string): string;
}

/** Ids of the site's own users and groups, from its own files. */
function ids(root: string, file: 'passwd' | 'group', name: string): number {
  const line = readFileSync(join(root, 'etc', file), 'utf8')
    .split('\n')
    .find((l) => l.startsWith(`${name}:`));
  if (line === undefined) throw new LabError('LAB_TREE', `the package tree has no ${file} entry ${name}`);
  return Number(line.split(':')[2]);
}

export function siteRuntime(facts: SiteFacts, holder: ProcessIdentity, relay: Relay): SiteRuntime {
  const { site } = facts;
  const root = `/proc/${String(holder.pid)}/root`;
  const inside = (p: string): string => join(root, p);
  const run = (argv: readonly string[], options: SiteExecOptions = {}): Promise<ExecResult> => {
    // Without this an nsenter could enter whatever process has got the dead holder's number.
    if (!isAlive(holder)) throw new LabError('LAB_SITE_DOWN', `${site.name} is down`, { kind: 'waiting', site: site.name });
    return exec(enterSite(holder, argv, options.user), { ...options, env: siteEnv(options.user, options.env) });
  };
  const write = (file: SiteFile): void => {
    const target = inside(file.path);
    if (file.once === true && existsSync(target)) return;
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, file.content, { mode: file.mode ?? 0o644 });
    const [user = 'root', group = 'root'] = (file.owner ?? 'root:root').split(':');
    chownSync(target, ids(root, 'passwd', user), ids(root, 'group', group));
    chmodSync(target, file.mode ?? 0o644);
  };
  const context: SiteContext = {
    ...facts, relay, api: siteApi(site, relay, facts.secrets), path: inside, write, exec: run,
    async execOk(argv, options = {}) {
      const result = await run(argv, options);
      if (result.code !== 0)
        throw new LabError('LAB_EXEC', `${site.name}: ${argv.slice(0, 4).join(' ')} ended with status ${String(result.code)}:\n${tail(result.stderr || result.stdout)}`, { site: site.name });
      return result.stdout;
    },
  };
  const services = site.components.flatMap((name) => components[name].services);
  const onDemand = site.onDemand.flatMap((name) => components[name].services);
  const everyService = [...services, ...onDemand];
  const logFile = (name: string): string => `/var/log/lab/${name}.log`;
  const pidFile = (name: string): string => inside(`/run/lab/${name}.pid`);

  /** The pid file's process as the site numbers it, looked up in the site's own /proc. */
  function running(name: string): number | undefined {
    try {
      const identity = parsePidFile(readFileSync(pidFile(name), 'utf8'));
      if (!identity) return undefined;
      const stat = readFileSync(inside(`/proc/${String(identity.pid)}/stat`), 'utf8');
      return startTimeOf(stat) === identity.startTime && processState(stat) !== 'Z' ? identity.pid : undefined;
    } catch {
      return undefined;
    }
  }

  const prepareFiles = (service: Service): void => {
    for (const name of site.onDemand) if (components[name].services.includes(service)) components[name].files(facts).forEach(write);
  };

  async function spawnService(service: Service): Promise<void> {
    prepareFiles(service);
    await service.prepare?.(context);
    const argv = service.command(facts);
    // The process becomes a child of the site's pid 1 and leader of its own session: by that its children are found again.
    const launch = 'log=$1; shift; setsid "$@" >>"$log" 2>&1 </dev/null & pid=$!; sleep 0.05; printf "%s " $pid; cut -d")" -f2- /proc/$pid/stat | cut -d" " -f21';
    const user = service.user === undefined ? [] : ['setpriv', `--reuid=${service.user}`, `--regid=${service.user}`, '--init-groups', '--'];
    const { stdout, stderr } = await run(['sh', '-c', launch, service.name, logFile(service.name), ...user, ...argv], {
      env: { ...(service.user === undefined ? {} : { HOME: `/var/lib/${service.user}` }), ...service.env?.(facts) },
    });
    if (!parsePidFile(stdout)) throw failure(service, `it ended at once ${stderr}`);
    writeFileSync(pidFile(service.name), stdout);
  }

  function failure(service: Service, why: string): LabError {
    const log = existsSync(inside(logFile(service.name))) ? readFileSync(inside(logFile(service.name)), 'utf8') : '';
    return new LabError('LAB_SERVICE', `${site.name}: ${service.name} did not come up: ${why}\nEnd of its log:\n${tail(log, 20)}`, { kind: 'retryable', site: site.name });
  }

  return {
    context,
    services,
    onDemand,
    service(name) {
      const found = everyService.find((s) => s.name === name);
      if (!found) throw new LabError('LAB_UNKNOWN', `${site.name} has no service ${name}; it has: ${everyService.map((s) => s.name).join(', ')}`, { site: site.name });
      return found;
    },
    configure() {
      write({ path: '/etc/hosts', content: `127.0.0.1 localhost\n${site.ip} ${site.name} ${site.hypervisor}\n` });
      for (const name of site.components) components[name].files(facts).forEach(write);
    },
    configureService: prepareFiles,
    async start(service, progress) {
      const key = `${site.name}/${service.name}`;
      progress.start(key);
      const startedAt = new Date();
      try {
        const fresh = running(service.name) === undefined;
        if (fresh) await spawnService(service);
        const deadline = Date.now() + (service.timeoutS ?? 150) * 1000;
        for (let why: string | undefined = ''; ; ) {
          if (running(service.name) === undefined) throw failure(service, 'its process ended');
          try {
            why = await service.ready(context, fresh ? startedAt : new Date(0));
          } catch (error) {
            why = messageOf(error);
          }
          if (why === undefined) break;
          if (Date.now() > deadline) throw failure(service, why);
          progress.waiting(key, why);
          await delay(400);
        }
      } catch (error) {
        progress.failed(key);
        throw error;
      }
      progress.done(key);
    },
    async stop(service, kill) {
      const pid = running(service.name);
      if (pid === undefined) return;
      const signal = (name: string): Promise<ExecResult> => run(['pkill', `-${name}`, '-s', String(pid)]);
      await signal(kill ? 'KILL' : 'TERM');
      const deadline = Date.now() + 20_000;
      let forced = kill;
      while ((await run(['pgrep', '-s', String(pid), '-r', 'D,I,R,S,T'])).code === 0) {
        if (Date.now() > deadline && !forced) {
          await signal('KILL');
          forced = true;
        }
        await delay(100);
      }
      rmSync(pidFile(service.name), { force: true });
    },
    isRunning: (name) => running(name) !== undefined,
    log: (name) => inside(logFile(name)),
  };
}
