import { spawn } from 'node:child_process';
import { AgentError, reason } from '../protocol/errors.ts';
import type { GatewayConfig } from '../node/config.ts';

/** What a gateway asks of its node's kernel. */
export interface Kernel {
  /** Output of `ip -j -d -s link`, `bridge -j fdb`, `ip -j addr`. */
  look(signal: AbortSignal): Promise<readonly [links: string, fdb: string, addresses: string]>;
  /** Lines of a batch; a line that fails does not keep the next away. Answers with what was said of those that failed. */
  batch(program: 'ip' | 'bridge', lines: readonly string[], signal: AbortSignal): Promise<string>;
  /** Takes care that this node takes nothing in, and answers nothing, that comes by a bridge. */
  shield(bridge: string, signal: AbortSignal): Promise<void>;
}

/** With iproute2 and sysctl, in a network namespace if one is named. */
export function ipPrograms({ programs, netns }: Pick<GatewayConfig, 'programs' | 'netns'>): Kernel {
  const run = (program: string, args: readonly string[], signal: AbortSignal, input = '', mayFail = false): Promise<{ stdout: string; stderr: string }> =>
    new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const child = spawn(`${programs}/${program}`, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8' }, signal, killSignal: 'SIGKILL' });
      const [out, err]: [Buffer[], Buffer[]] = [[], []];
      child.stdout.on('data', (piece: Buffer) => out.push(piece));
      child.stderr.on('data', (piece: Buffer) => {
        if (err.length < 64) err.push(piece);
      });
      child.stdin.on('error', () => undefined);
      child.stdin.end(input);
      child.on('error', (cause) => reject(signal.aborted ? new AgentError('GW_GATEWAY_FAILED', 'retryable', `${program} was not done in its time`, { cause }) : new AgentError('GW_AGENT_CONFIG', 'terminal', `${programs}/${program} cannot be run: ${reason(cause)}`, { action: 'Install iproute2 and procps at this node, or set gateway.programs in its agent.yaml.', cause })));
      child.on('close', (code) => {
        const [stdout, stderr] = [Buffer.concat(out).toString('utf8'), Buffer.concat(err).toString('utf8')];
        if (code === 0 || mayFail) return resolve({ stdout, stderr: code === 0 ? '' : stderr });
        reject(new AgentError('GW_GATEWAY_FAILED', 'retryable', `${program} ${args.join(' ')}: ${stderr.trim().slice(0, 500) || `status ${code}`}`, { action: 'The agent must be root, or have CAP_NET_ADMIN; with gateway.netns CAP_SYS_ADMIN, too.' }));
      });
    });
  const there = netns === undefined ? [] : ['-n', netns];
  return {
    async look(signal) {
      const all = await Promise.all([run('ip', [...there, '-j', '-d', '-s', 'link', 'show'], signal), run('bridge', [...there, '-j', 'fdb', 'show'], signal), run('ip', [...there, '-j', '-4', 'addr', 'show'], signal)]);
      return all.map((a) => a.stdout) as [string, string, string];
    },
    async batch(program, lines, signal) {
      if (lines.length === 0) return '';
      return (await run(program, [...there, '-force', '-batch', '-'], signal, `${lines.join('\n')}\n`, true)).stderr.trim();
    },
    async shield(bridge, signal) {
      const settings = [`net.ipv4.conf.${bridge}.arp_ignore=8`, `net.ipv4.conf.${bridge}.rp_filter=1`];
      const sysctl = ['-q', '-w', ...settings];
      await (netns === undefined ? run('sysctl', sysctl, signal) : run('ip', ['netns', 'exec', netns, `${programs}/sysctl`, ...sysctl], signal));
      // A kernel without IPv6 has no such setting.
      const six = ['-q', '-e', '-w', `net.ipv6.conf.${bridge}.disable_ipv6=1`];
      await (netns === undefined ? run('sysctl', six, signal) : run('ip', ['netns', 'exec', netns, `${programs}/sysctl`, ...six], signal));
    },
  };
}
