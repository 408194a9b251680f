import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { startEmulator, type Emulator, type FaultInput, type Topology } from '@godwit/emulator';
import { systemClock } from '@godwit/protection';
import { createLog, startController, type Controller } from '@godwit/server';
import { loadConfig } from '@godwit/sites';
import { startEmbeddedPostgres } from '@godwit/workflow';

export interface WorldOptions {
  readonly topology: Topology;
  readonly seed: number | string;
  readonly speed: number;
  /** Of the controller's API; 0: any that is free. */
  readonly port: number;
  /** Of the emulated sites' APIs. */
  readonly emulatorPort: number;
  readonly faults: readonly FaultInput[];
  readonly log: (line: string) => void;
}

/** Everything that runs, each part once it is up. */
export interface World {
  readonly directory: string;
  readonly emulator: Emulator;
  readonly cloudsFile: string;
  readonly configFile: string;
  /** The controller comes up later than the sites: it needs its database. */
  readonly controller: Promise<Controller>;
  /** Stops whatever is up, the last first, and waits for what is just coming up: nothing is left, at whatever moment it is called. */
  close(): Promise<void>;
}

/** Pauses of the controller are those of real sites; emulated ones are faster, and it may look more often. */
const pace = 0.25;

/** @throws EmulatorError */
export async function openWorld(options: WorldOptions): Promise<World> {
  const parts: (() => Promise<unknown> | void)[] = [];
  const close = async (): Promise<void> => {
    for (const part of parts.splice(0).reverse()) await Promise.resolve(part()).catch((error: unknown) => options.log(`not closed cleanly: ${String(error)}`));
  };
  try {
    const directory = await makeDirectory();
    parts.push(() => rm(directory, { recursive: true, force: true }));
    const emulator = await startEmulator({ topology: options.topology, seed: options.seed, speed: options.speed, port: options.emulatorPort });
    parts.push(() => emulator.close());
    for (const fault of options.faults) emulator.inject(fault);
    const files = emulator.writeConfig(directory, { listen: `127.0.0.1:${String(options.port)}` });
    const postgres = startEmbeddedPostgres({ dataDir: join(directory, 'postgres'), durable: false, log: (level, message) => options.log(`${level} postgres: ${message}`) });
    parts.push(() => postgres.then((p) => p.stop(), () => undefined));
    const controller = postgres.then(async ({ databaseUrl }) =>
      startController({
        config: await loadConfig(files.godwit),
        env: { DATABASE_URL: databaseUrl },
        log: createLog('info', { write: options.log }),
        clock: { now: systemClock.now, sleep: (ms, signal) => systemClock.sleep(ms * pace, signal) },
        engine: { queuePollMs: 50 },
        graceMs: 3_000,
      }));
    // Whoever waits for it hears of a failure; nobody may be waiting yet.
    controller.catch(() => undefined);
    parts.push(() => controller.then((c) => c.close(), () => undefined));
    return { directory, emulator, cloudsFile: files.clouds, configFile: files.godwit, controller, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** PostgreSQL's own user, when we are root, must be able to pass through, and nobody to look inside. */
async function makeDirectory(): Promise<string> {
  const places = process.getuid?.() === 0 ? [tmpdir(), '/tmp', '/var/tmp'].filter(isOpen) : [];
  const directory = await mkdtemp(join(places[0] ?? tmpdir(), 'godwit-'));
  await chmod(directory, 0o711);
  await mkdir(join(directory, 'postgres'), { mode: 0o700 });
  return directory;
}

/** Whether others may enter it and all above it: a root's TMPDIR may lie in its home. */
function isOpen(directory: string): boolean {
  try {
    for (let at = resolve(directory); ; at = dirname(at)) {
      if ((statSync(at).mode & 0o001) === 0) return false;
      if (at === dirname(at)) return true;
    }
  } catch {
    return false;
  }
}
