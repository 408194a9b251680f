import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EmulatorError, loadTopology } from '@godwit/emulator';
import { storyText } from '@godwit/lab';
import { lookAround } from './look-around.ts';
import { readOptions, usage, UsageError, type Options } from './options.ts';
import { portIsFree } from './ports.ts';
import { stopSignal } from './stop-signal.ts';
import { playStory } from './story.ts';
import { openWorld, type World } from './world.ts';

const root = join(import.meta.dirname, '..', '..');

/** 0 the application survived, 1 it did not, 2 asked wrongly, 128+n stopped by a signal. */
async function main(): Promise<number> {
  const began = performance.now();
  let options: Options;
  try {
    options = readOptions(process.argv.slice(2));
  } catch (error) {
    return refuse(error);
  }
  if (options.help) {
    process.stdout.write(usage);
    return 0;
  }
  const out = options.json ? process.stderr : process.stdout;
  const say = (text: string): void => void out.write(`[${((performance.now() - began) / 1_000).toFixed(0).padStart(3)} s] ${text}\n`);
  const stop = stopSignal(() => process.exit(stop.exitCode ?? 1));
  let world: World | undefined;
  let lines: string[] = [];
  const log = (line: string): void => {
    if (options.verbose) process.stderr.write(line.endsWith('\n') ? line : `${line}\n`);
    // Warnings and errors are worth to be seen when it ends badly.
    else if (/"level":[45]\d|^(warn|error) /.test(line)) lines = [...lines.slice(-4), line.trimEnd().slice(0, 500)];
  };
  try {
    const file = options.topology ?? join(root, 'quickstart', 'three-site.yaml');
    const topology = loadTopology(file);
    const [source, target] = Object.keys(topology.sites);
    if (source === undefined || target === undefined) throw new EmulatorError('EMU_TOPOLOGY', `${file}: sites: the story needs two, one that is lost and one that recovers`);
    await portIsFree(options.port);
    say(`${String(Object.keys(topology.sites).length)} OpenStack sites come up: ${Object.keys(topology.sites).join(', ')}. They are EMULATED, in this process, and work ${String(options.speed)} times faster than real ones; Godwit and its PostgreSQL are real.`);
    world = await openWorld({ topology, seed: options.seed, speed: options.speed, port: options.port, emulatorPort: options.emulatorPort, faults: options.faults, log });
    const report = await Promise.race([playStory(world, { source, target, speed: options.speed, say, signal: stop.signal }), aborted(stop.signal)]);
    const verdict = report.ok ? 'The VNF survived the loss of its site.' : 'The VNF did NOT come back as it should.';
    out.write(`\n${storyText(report)}\n\n${verdict} All times are of sites emulated ${String(options.speed)} times faster than real; npm run demo:lab shows it on real OpenStack.\n`);
    if (options.report !== undefined) writeFileSync(options.report, `${JSON.stringify(report, null, 2)}\n`);
    if (options.json) process.stdout.write(`${JSON.stringify(report)}\n`);
    if (!options.once) {
      out.write(`\n${await lookAround(world, root, source, target)}\n`);
      await aborted(stop.signal).catch(() => undefined);
    }
    return stop.exitCode ?? (report.ok ? 0 : 1);
  } catch (error) {
    if (stop.exitCode !== undefined) return stop.exitCode;
    const code = refuse(error);
    if (code === 1) for (const line of lines) process.stderr.write(`  log: ${line}\n`);
    return code;
  } finally {
    if (stop.exitCode !== undefined) out.write('\nStopping …\n');
    await world?.close();
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason as Error);
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

/** One clear error. What the asker did wrong is 2. */
function refuse(error: unknown): number {
  const { code, message, action } = error as { code?: string; message?: string; action?: string };
  if (error instanceof UsageError) process.stderr.write(`error GW_USAGE: ${error.message}\n\n${usage}`);
  else process.stderr.write(`error ${code ?? 'GW_QUICKSTART'}: ${message ?? String(error)}\n${action === undefined ? '' : `  what to do: ${action}\n`}`);
  return error instanceof UsageError || error instanceof EmulatorError ? 2 : 1;
}

// Timers and pools of libraries must not keep it alive.
process.exit(await main());
