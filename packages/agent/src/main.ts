import { hostname } from 'node:os';
import { text as textOf } from 'node:stream/consumers';
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { Agent } from './agent.ts';
import { enrol } from './enrolment/enrol.ts';
import { loadIdentity, type Identity } from './enrolment/identity.ts';
import { parseAddress } from './node/addresses.ts';
import { type AgentConfig, defaultConfigFile, loadConfig } from './node/config.ts';
import { diskFiles } from './node/files.ts';
import { createLog, type Log } from './node/log.ts';
import type { Role } from './node/role.ts';
import { serveReady } from './node/ready-server.ts';
import { AgentError, reason } from './protocol/errors.ts';
import { version } from './version.ts';

const usage = `godwit-agent: the hands of Godwit on a node

USAGE
  godwit-agent run [--config FILE]
  godwit-agent enrol --url HOST:PORT [--url …] --token-file FILE [--name NODE] [--config FILE]
  godwit-agent check [--config FILE]        says whether configuration and enrolment are good
  godwit-agent --version | --help

The configuration is ${defaultConfigFile} unless --config or GODWIT_AGENT_CONFIG names another. --token-file - reads the token from stdin.
`;

/** 0 good, 1 could not, 2 wrong usage or configuration. */
async function main(): Promise<number> {
  let parsed;
  try {
    parsed = parseArgs({
      allowPositionals: true,
      options: {
        config: { type: 'string' }, url: { type: 'string', multiple: true }, 'token-file': { type: 'string' }, name: { type: 'string' },
        help: { type: 'boolean', short: 'h' }, version: { type: 'boolean' },
      },
    });
  } catch (error) {
    return complain(`error GW_USAGE: ${reason(error)}\n\n${usage}`, 2);
  }
  const { values: flags, positionals: [command, ...rest] } = parsed;
  if (flags.help === true) return say(usage);
  if (flags.version === true) return say(`${version}\n`);
  if (rest.length > 0 || !['run', 'enrol', 'check'].includes(command ?? '')) return complain(`error GW_USAGE: name a command\n\n${usage}`, 2);
  try {
    const config = await loadConfig(flags.config ?? (process.env['GODWIT_AGENT_CONFIG'] || defaultConfigFile));
    if (command === 'enrol') return await doEnrol(config, flags.url ?? config.controllers, flags['token-file'], flags.name ?? hostname());
    const identity = await loadIdentity(diskFiles, config.stateDir);
    if (command === 'check') return say(`good; ${identity.name} of site ${identity.site}, role ${identity.role}, controllers ${identity.controllers.join(', ')}\n`);
    return await run(config, identity);
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    return complain(`error ${error.code}: ${error.message}\n${error.action === undefined ? '' : `  what to do: ${error.action}\n`}`, error.code === 'GW_AGENT_CONFIG' ? 2 : 1);
  }
}

async function doEnrol(config: AgentConfig, controllers: readonly string[], tokenFile: string | undefined, name: string): Promise<number> {
  if (controllers.length === 0 || tokenFile === undefined) return complain(`error GW_USAGE: enrol needs --url and --token-file\n\n${usage}`, 2);
  const token = await (tokenFile === '-' ? textOf(process.stdin) : readFile(tokenFile, 'utf8')).catch((cause: unknown) => {
    throw new AgentError('GW_AGENT_CONFIG', 'terminal', `the token cannot be read: ${reason(cause)}`, { cause });
  });
  const identity = await enrol({ files: diskFiles, stateDir: config.stateDir, controllers, token, name, agentVersion: version });
  return say(`enrolled ${identity.name} of site ${identity.site}, role ${identity.role}\n`);
}

async function run(config: AgentConfig, identity: Identity): Promise<number> {
  const log = createLog((line) => void process.stderr.write(line), config.logLevel);
  const role = await openRole(config, identity, log);
  const agent = new Agent({ identity, role, stateDir: config.stateDir, files: diskFiles, agentVersion: version, log, controllers: config.controllers });
  await agent.start();
  const listen = config.ready && parseAddress(config.ready.listen);
  const server = listen && (await serveReady(listen.host === '*' ? '::' : listen.host, listen.port, () => role.ready()).catch((cause: unknown) => {
    throw new AgentError('GW_AGENT_CONFIG', 'terminal', `ready.listen ${config.ready?.listen}: ${reason(cause)}`, { cause });
  }));
  log('info', 'running', { version, name: identity.name, site: identity.site, role: identity.role, pid: process.pid });
  await new Promise((resolve) => ['SIGTERM', 'SIGINT'].forEach((s) => process.once(s, resolve)));
  log('info', 'stopping');
  server?.close();
  await agent.stop();
  return 0;
}

/** Roles are loaded when they are needed: one agent has one. */
async function openRole(config: AgentConfig, identity: Identity, log: Log): Promise<Role> {
  switch (identity.role) {
    case 'keystone': {
      if (!config.keystone) throw new AgentError('GW_AGENT_CONFIG', 'terminal', 'this node was enrolled as keystone, and agent.yaml has no `keystone`', { action: 'docs/operators/agent.md shows one.' });
      const { KeystoneRole } = await import('./keystone/role.ts');
      const { keystone } = config;
      const database = keystone.database && (await import('./keystone/database/database.ts')).openDatabase(keystone.database, { files: diskFiles, stateDir: config.stateDir, log });
      return new KeystoneRole({ config: keystone, stateDir: config.stateDir, files: diskFiles, log, ...(database && { database }) });
    }
    case 'storage': {
      if (!config.storage) throw new AgentError('GW_AGENT_CONFIG', 'terminal', 'this node was enrolled as storage, and agent.yaml has no `storage`', { action: 'docs/operators/agent.md shows one.' });
      const [{ StorageRole }, { rbdProgram }] = await Promise.all([import('./storage/role.ts'), import('./storage/run-rbd.ts')]);
      const { storage } = config;
      return new StorageRole({ config: storage, run: rbdProgram({ program: storage.program, conf: storage.conf, user: storage.user, keyring: storage.keyring }), readConf: () => readFile(storage.conf, 'utf8'), log });
    }
    case 'gateway': {
      if (!config.gateway) throw new AgentError('GW_AGENT_CONFIG', 'terminal', 'this node was enrolled as gateway, and agent.yaml has no `gateway`', { action: 'docs/operators/agent.md shows one.' });
      const [{ GatewayRole }, { ipPrograms }] = await Promise.all([import('./gateway/role.ts'), import('./gateway/run-ip.ts')]);
      return new GatewayRole({ config: config.gateway, kernel: ipPrograms(config.gateway), files: diskFiles, stateDir: config.stateDir, log });
    }
  }
}

function say(text: string): number {
  process.stdout.write(text);
  return 0;
}

function complain(text: string, status: number): number {
  process.stderr.write(text);
  return status;
}

process.exit(await main());
