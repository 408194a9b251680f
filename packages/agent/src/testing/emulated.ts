import { Agent } from '../agent.ts';
import { enrol } from '../enrolment/enrol.ts';
import { KeystoneRole } from '../keystone/role.ts';
import type { Log } from '../node/log.ts';
import type { KeySet } from '../protocol/keystone.ts';
import { version } from '../version.ts';
import { MemoryFiles } from './memory-files.ts';

export interface EmulatedOptions {
  readonly names: readonly string[];
  /** Addresses of controllers. */
  readonly controllers: readonly string[];
  /** An enrolment token for that name. */
  readonly token: (name: string) => Promise<string>;
  /** How many enrol at once. Default 16. */
  readonly atOnce?: number;
  /** As of real nodes: 2000 and 1000. */
  readonly pollMs?: number;
  readonly settleMs?: number;
  readonly log?: Log;
  /** What lies in every repository at first, of both kinds: as at a Keystone that runs already. Default: nothing. */
  readonly keys?: KeySet;
}

export interface EmulatedAgent {
  readonly name: string;
  /** The fernet keys that lie in its repository. */
  keys(): KeySet;
  stop(): Promise<void>;
}

const [fernet, credential] = ['/keys/fernet', '/keys/credential'];

/**
 * Agents of Keystone nodes in this process: enrolment, TLS, protocol and the order of what is done to a key repository are the real ones, but
 * the repository is in memory, and there is neither a Keystone nor a database. Resolves when all are enrolled and started.
 */
export async function startEmulatedAgents({ names, controllers, token, atOnce = 16, pollMs = 2_000, settleMs = 1_000, log = () => undefined, keys = {} }: EmulatedOptions): Promise<EmulatedAgent[]> {
  const started: EmulatedAgent[] = [];
  const left = names.map((name, i): [string, number] => [name, i]);
  const worker = async (): Promise<void> => {
    for (let next = left.shift(); next; next = left.shift()) {
      const [name, i] = next;
      const files = new MemoryFiles();
      for (const dir of ['/state', fernet, credential]) files.entries.set(dir, { kind: 'directory', mode: 0o700, uid: 0, gid: 0, text: '' });
      for (const dir of [fernet, credential]) for (const [index, text] of Object.entries(keys)) files.entries.set(`${dir}/${index}`, { kind: 'file', mode: 0o600, uid: 0, gid: 0, text });
      const identity = await enrol({ files, stateDir: '/state', controllers, token: await token(name), name, agentVersion: version });
      const config = { fernet: { repository: fernet }, credential: { repository: credential }, mode: '0600', settleSeconds: settleMs / 1_000, config: [], manage: ['none'], handOver: true };
      const role = new KeystoneRole({ config, stateDir: '/state', files, log, pollMs });
      const agent = new Agent({ identity, role, stateDir: '/state', files, agentVersion: version, log });
      await agent.start();
      started[i] = {
        name,
        keys: () => Object.fromEntries([...files.entries].flatMap(([path, e]) => (/^\/keys\/fernet\/\d+$/.test(path) && e.kind === 'file' ? [[path.slice(fernet.length + 1), e.text]] : []))),
        stop: () => agent.stop(),
      };
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return started;
}
