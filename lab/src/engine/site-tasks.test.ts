import { describe, expect, it } from 'vitest';

import { silentProgress } from './progress.ts';
import type { SiteRuntime } from './site-runtime.ts';
import { startOneTasks, startTasks } from './site-tasks.ts';
import type { Service } from './types.ts';

const service = (name: string, ...needs: string[]): Service => ({ name, needs, command: () => [name], ready: () => Promise.resolve(undefined) });

describe('starting services', () => {
  const proxy = service('proxy', 'keystone', 'store', 'index');
  const runtime = {
    context: { site: { name: 'site2' } },
    services: [service('keystone'), service('nova')],
    onDemand: [service('index'), service('store', 'index'), proxy, service('backup', 'keystone')],
  } as unknown as SiteRuntime;
  const keys = (tasks: readonly { key: string }[]): string[] => tasks.map((t) => t.key).sort();

  it('a site starts those that always run, and none of those on demand', () => {
    expect(keys(startTasks(runtime, silentProgress))).toEqual(['site2/keystone', 'site2/nova']);
  });

  it('one on demand brings what it needs of its kind, however far, and nothing else', () => {
    expect(keys(startOneTasks(runtime, proxy, silentProgress))).toEqual(['site2/index', 'site2/proxy', 'site2/store']);
    expect(keys(startOneTasks(runtime, service('keystone'), silentProgress))).toEqual(['site2/keystone']);
  });
});
