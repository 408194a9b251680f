import { parseArgs } from 'node:util';
import { GodwitError, loadConfig, openSites } from '@godwit/sites';
import pino from 'pino';
import { createLog } from './log.ts';
import { version } from './version.ts';

const usage = `godwit-server: the controller of Godwit

USAGE
  godwit-server --config FILE [--listen HOST:PORT]
  godwit-server --config FILE --check      reads the configuration, says whether it is good, and ends
  godwit-server --version | --help

ENVIRONMENT
  GODWIT_CONFIG      instead of --config
  DATABASE_URL       your own PostgreSQL, instead of the embedded one
  GODWIT_LOG_LEVEL   debug, info (default), warn, error; the log goes to stderr, as lines of JSON
`;

/** 0 good, 1 could not start, 2 wrong usage or configuration. */
async function main(): Promise<number> {
  let flags;
  try {
    flags = parseArgs({
      options: {
        config: { type: 'string' },
        listen: { type: 'string' },
        check: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    return complain(`error GW_USAGE: ${(error as Error).message}\n\n${usage}`);
  }
  if (flags.help === true) return say(usage);
  if (flags.version === true) return say(`${version}\n`);
  const file = flags.config ?? process.env['GODWIT_CONFIG'];
  if (!file) return complain(`error GW_USAGE: name a configuration with --config or GODWIT_CONFIG\n\n${usage}`);
  if (flags.listen !== undefined && !/^.+:\d{1,5}$/.test(flags.listen)) return complain('error GW_USAGE: --listen takes HOST:PORT\n');

  try {
    const config = await loadConfig(file);
    if (flags.check === true) {
      const sites = await openSites(config);
      await sites.close();
      return say(`${file}: good; sites ${sites.names().join(', ')}\n`);
    }
    // Loaded late: --check and --help need neither the engine nor the web server.
    const [{ startController }, { crashHookFromEnv }] = await Promise.all([import('./controller.ts'), import('@godwit/workflow')]);
    const log = createLog(process.env['GODWIT_LOG_LEVEL'] || 'info', pino.destination({ fd: 2, sync: true }));
    const onBoundary = crashHookFromEnv(process.env);
    const controller = await startController({ config, env: process.env, log, ...(flags.listen !== undefined && { listen: flags.listen }), ...(onBoundary && { onBoundary }) });
    process.stdout.write(`godwit-server ${version} listening on ${controller.url} (pid ${process.pid})\n`);
    const signal = await stopSignal();
    log.info({ signal }, 'stopping');
    await controller.close();
    return 0;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    const action = error instanceof GodwitError && error.action !== undefined ? `  what to do: ${error.action}\n` : '';
    complain(`error ${String(error.code)}: ${error.message}\n${action}`);
    return error.code === 'GW_CONFIG_INVALID' || error.code === 'GW_ROTATION_POLICY_UNSAFE' ? 2 : 1;
  }
}

/** The first SIGTERM or SIGINT stops in order, a second one at once. */
function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const name of ['SIGTERM', 'SIGINT'] as const) {
      process.once(name, () => {
        process.once(name, () => process.exit(1));
        resolve(name);
      });
    }
  });
}

function say(text: string): number {
  process.stdout.write(text);
  return 0;
}

function complain(text: string): number {
  process.stderr.write(text);
  return 2;
}

// Timers and pools of libraries must not keep a stopped controller alive.
process.exit(await main());
