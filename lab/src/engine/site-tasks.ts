import { components } from '../components/index.ts';
import { catalogue } from '../seed/catalogue.ts';
import { seedSteps } from '../seed/tenancy.ts';
import type { Task } from './graph.ts';
import type { Progress } from './progress.ts';
import type { SiteRuntime } from './site-runtime.ts';
import type { InitStep, Needs, Service, SiteFacts } from './types.ts';

const key = (site: string, name: string): string => `${site}/${name}`;

const namesOf = (needs: Needs, facts: SiteFacts): readonly string[] => (typeof needs === 'function' ? needs(facts) : needs);

/** Keys of tasks; a need of another site is one already. */
const needsOf = (needs: Needs, facts: SiteFacts): string[] => namesOf(needs, facts).map((n) => (n.includes('/') ? n : key(facts.site.name, n)));

function serviceTask(runtime: SiteRuntime, service: Service, progress: Progress): Task {
  const { name } = runtime.context.site;
  return { key: key(name, service.name), needs: needsOf(service.needs, runtime.context), run: () => runtime.start(service, progress) };
}

function stepTask(runtime: SiteRuntime, step: InitStep, progress: Progress): Task {
  const { name } = runtime.context.site;
  const label = key(name, step.name);
  return {
    key: label,
    needs: needsOf(step.needs, runtime.context),
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
  for (const s of wanted) for (const need of runtime.onDemand) if (namesOf(s.needs, runtime.context).includes(need.name)) wanted.add(need);
  return [...wanted].map((s) => serviceTask(runtime, s, progress));
}

/** Makes a site from bare packages: its components' own steps, its services, and what the topology gives it. The sites of a star share one Keystone, which is given everything once. */
export function initTasks(runtime: SiteRuntime, imageFiles: Readonly<Record<string, string>>, progress: Progress): Task[] {
  const { site, topology } = runtime.context;
  // What would be asked of an API that the site does not have is left out.
  const there = new Set([...runtime.services, ...runtime.onDemand].map((s) => s.name));
  const seeds = seedSteps(imageFiles).filter((s) => namesOf(s.needs, runtime.context).every((n) => there.has(n) || !n.endsWith('-api')));
  const steps = [...site.components.flatMap((c) => components[c].init), ...(topology.star ? [] : [catalogue, ...seeds])];
  return [...steps.map((s) => stepTask(runtime, s, progress)), ...startTasks(runtime, progress)];
}

/** Daemons that others write to: stopped last, so that nothing is lost. */
const last = new Set(['mariadb', 'rabbitmq', 'ceph-mon', 'ceph-osd', 'ceph-mgr', 'memcached', 'ovsdb']);

/** Ends all sites' services in good order, so that what is on their disks can be started from. */
export async function stopCleanly(runtimes: readonly SiteRuntime[]): Promise<void> {
  const orderOf = (s: Service, facts: SiteFacts): number => s.stopOrder?.(facts) ?? (last.has(s.name) ? 10 : 0);
  const all = runtimes.flatMap((runtime) => runtime.services.map((service) => ({ runtime, service, order: orderOf(service, runtime.context) })));
  for (const order of [...new Set(all.map((x) => x.order))].sort((a, b) => a - b)) {
    await Promise.all(all.filter((x) => x.order === order).map((x) => x.runtime.stop(x.service, false)));
  }
}
