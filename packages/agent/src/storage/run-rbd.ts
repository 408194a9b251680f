import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { AgentError, reason } from '../protocol/errors.ts';

export interface RbdAnswer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `rbd` with these arguments. `digest`: not its output, but the output's SHA-256 in hex. */
export type RunRbd = (args: readonly string[], signal: AbortSignal, options?: { readonly digest?: boolean }) => Promise<RbdAnswer>;

export interface RbdAccess {
  readonly program: string;
  readonly conf: string;
  /** Name of the Ceph user, without `client.` */
  readonly user: string;
  readonly keyring: string | undefined;
}

const mostOutput = 4 * 2 ** 20;

/** Beyond these a cluster that cannot be reached would be waited for by minutes. */
const limits = ['--client_mount_timeout', '15', '--rados_mon_op_timeout', '20', '--rados_osd_op_timeout', '120'];

export function rbdProgram({ program, conf, user, keyring }: RbdAccess): RunRbd {
  const access = ['--conf', conf, '--id', user, ...(keyring === undefined ? [] : ['--keyring', keyring]), ...limits];
  return (args, signal, { digest = false } = {}) =>
    new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const child = spawn(program, [...args, ...access], { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: '/usr/bin:/bin', LC_ALL: 'C.UTF-8' }, signal, killSignal: 'SIGKILL' });
      const [hash, out, err]: [ReturnType<typeof createHash>, Buffer[], Buffer[]] = [createHash('sha256'), [], []];
      let size = 0;
      child.stdout.on('data', (piece: Buffer) => {
        if (digest) return void hash.update(piece);
        size += piece.length;
        if (size <= mostOutput) out.push(piece);
        else child.kill('SIGKILL');
      });
      child.stderr.on('data', (piece: Buffer) => {
        if (err.length < 64) err.push(piece);
      });
      child.on('error', (cause) => {
        if (signal.aborted) return reject(new AgentError('GW_STORAGE_UNREACHABLE', 'retryable', `rbd ${args.slice(0, 3).join(' ')} was not done in its time`, { cause }));
        reject(new AgentError('GW_AGENT_CONFIG', 'terminal', `${program} cannot be run: ${reason(cause)}`, { action: 'Install ceph-common at this node, or set storage.program in its agent.yaml.', cause }));
      });
      child.on('close', (code) => {
        if (size > mostOutput) return reject(new AgentError('GW_STORAGE_FAILED', 'terminal', `rbd ${args.slice(0, 3).join(' ')} said more than ${mostOutput} bytes`));
        resolve({ code: code ?? 255, stdout: digest ? hash.digest('hex') : Buffer.concat(out).toString('utf8'), stderr: Buffer.concat(err).toString('utf8') });
      });
    });
}
