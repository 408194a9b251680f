import { components } from '../components/index.ts';
import { catalogue } from '../seed/catalogue.ts';
import { seedSteps } from '../seed/tenancy.ts';
import type { Task } from './graph.ts';
import type { Progress } from './progress.ts';
import type { SiteRuntime } from './site-runtime.ts';
import type { InitStep, Service } from './types.ts';

const key = (site: string, name: string): string => `${site}/${name}`;

function serviceTask(runtime: SiteRuntime, service: Service, progress: Progress): Task {
  const { name } = runtime.context.site;
  return { key: key(name, service.name), needs: service.needs.map((n) => key(name, n)), run: () => runtime.start(service, progress) };
}

function stepTask(runtime: SiteRuntime, step: InitStep, progress: Progress): Task {
  const { name } = runtime.context.site;
  const label = key(name, step.name);
  return {
    key: label,
    needs: step.needs.map((n) => key(name, n)),
    async run() {
      progress.start(label);
      try {
        await step.run(runtime.context);
      } catch (error) {
        progress.failed(label);
        throw error;
      }
      progress.done(label);
    },
  };
}

/** Starts every service of an initialized site. */
export const startTasks = (runtime: SiteRuntime, progress: Progress): Task[] => runtime.services.map((s) => serviceTask(runtime, s, progress));

/** Starts one service, before it what it needs of those that run on demand. The others are taken to run. */
export function startOneTasks(runtime: SiteRuntime, service: Service, progress: Progress): Task[] {
  const wanted = new Set([service]);
  for (const s of wanted) for (const need of runtime.onDemand) if (s.needs.includes(need.name)) wanted.add(need);
  return [...wanted].map((s) => serviceTask(runtime, s, progress));
}

/** Makes a site from bare packages: its components' own steps, its services, and what the topology gives it. */
export function initTasks(runtime: SiteRuntime, imageFiles: Readonly<Record<string, string>>, progress: Progress): Task[] {
  const steps = [...runtime.context.site.components.flatMap((c) => components[c].init), catalogue, ...seedSteps(imageFiles)];
  return [...steps.map((s) => stepTask(runtime, s, progress)), ...startTasks(runtime, progress)];
}

/** Daemons that others write to: stopped last, so that nothing is lost. */
const last = new Set(['mariadb', 'rabbitmq', 'ceph-mon', 'ceph-osd', 'ceph-mgr', 'memcached', 'ovsdb']);

/** Ends a site's services in good order, so that what is on its disks can be started from. */
export async function stopCleanly(runtime: SiteRuntime): Promise<void> {
  const late = (s: Service): boolean => last.has(s.name);
  for (const group of [runtime.services.filter((s) => !late(s)), runtime.services.filter(late)])
    await Promise.all(group.map((s) => runtime.stop(s, false)));
}
