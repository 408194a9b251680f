// A controller to be killed, stopped and continued: bundled, and run as a process of its own (processes.ts).
import { createCloud } from '@godwit/openstack';
import { createLog, startController, type Controller } from '@godwit/server';
import { emulatedStorage } from './storage.ts';
import { loadConfig } from '@godwit/sites';
import { HoldingHook } from './holding-hook.ts';
import { hurriedClock, hurriedSleep } from './hurry.ts';
import type { ControllerOrder, Order, Report } from './protocol.ts';

/** Of many jobs, each may hold an answer. */
const connections = 512;

const say = (report: Report): void => void process.send?.(report);
let controller: Controller | undefined;
let holds: HoldingHook | undefined;

async function open(order: ControllerOrder): Promise<void> {
  const began = performance.now();
  const { configFile, databaseUrl, executorId, deadAfterMs, heartbeatMs, pace } = order;
  const sleep = hurriedSleep(pace);
  const held = new HoldingHook({
    waits: order.waits === true,
    tell: (at) => say({ boundary: at }),
    held: (jobId) => say({ held: jobId }),
    cancel: async (jobId) => void (await fetch(`${controller?.url ?? ''}/v1/jobs/${jobId}/cancel`, { method: 'POST', headers: { 'x-auth-token': order.token ?? '' } })),
  });
  held.order(order.jobs ?? {});
  holds = held;
  const config = await loadConfig(configFile);
  controller = await startController({
    config,
    storage: emulatedStorage(config),
    env: { DATABASE_URL: databaseUrl },
    log: createLog(order.logLevel ?? 'debug', { write: (line: string) => void process.stderr.write(line) }),
    listen: '127.0.0.1:0',
    executorId,
    engine: { deadAfterMs, heartbeatMs, queuePollMs: order.queuePollMs ?? 20, retryPace: pace },
    clock: hurriedClock(pace, order.loopPace),
    sites: { createCloud: (config, deps) => createCloud(config, { ...deps, sleep, connections }), pollMs: Math.max(250, 5_000 * (order.loopPace ?? 0)) },
    onBoundary: held.hook,
  });
  say({ opened: { url: controller.url, workflows: controller.workflows, ms: Math.round(performance.now() - began) } });
}

async function obey(order: Order): Promise<void> {
  if ('open' in order) return open(order.open);
  if ('jobs' in order) return holds?.order(order.jobs);
  await controller?.close();
  controller = undefined;
  say({ closed: true });
}

process.on('message', (order: Order) => {
  obey(order).catch((error: unknown) => say({ failed: error instanceof Error ? (error.stack ?? error.message) : String(error) }));
});
// A test that died must not leave controllers behind.
process.on('disconnect', () => process.exit(1));
say({ ready: true });
