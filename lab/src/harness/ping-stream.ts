import { spawn } from 'node:child_process';
import type { Lab } from '../index.ts';
import type { Plugged } from './plugged.ts';
import { eventually } from './wait.ts';

export interface PingGap {
  /** When the last answer before it came, ms since 1970. */
  readonly at: number;
  readonly lost: number;
  /** From the last answer before to the first after. */
  readonly ms: number;
}

export interface PingStats {
  readonly sent: number;
  readonly lost: number;
  readonly gaps: readonly PingGap[];
  readonly longestMs: number;
}

export interface PingStream {
  /** How many answers came so far. */
  count(): number;
  /** Of what came since the last mark, up to the next answer: what is lost just now counts too. */
  mark(): Promise<PingStats>;
  stop(): Promise<PingStats>;
}

/** Answers by their sequence numbers; what is missing between two of them is lost. */
export function pingStats(answers: readonly { readonly seq: number; readonly at: number }[]): PingStats {
  const gaps: PingGap[] = [];
  for (let i = 1; i < answers.length; i += 1) {
    const [a, b] = [answers[i - 1], answers[i]];
    if (a && b && b.seq > a.seq + 1) gaps.push({ at: a.at, lost: b.seq - a.seq - 1, ms: Math.round(b.at - a.at) });
  }
  const sent = (answers.at(-1)?.seq ?? 0) - (answers[0]?.seq ?? 0) + (answers.length > 0 ? 1 : 0);
  return { sent, lost: gaps.reduce((n, g) => n + g.lost, 0), gaps, longestMs: Math.max(0, ...gaps.map((g) => g.ms)) };
}

/** A ping that goes on; every answer's time and number is kept. */
export async function startPing(lab: Lab, from: Plugged, ip: string, everyMs = 50): Promise<PingStream> {
  const { argv, env } = lab.spawnArgs(from.site, ['sh', '-c', `echo "pid $$"; exec ip netns exec ${from.namespace} stdbuf -oL ping -n -D -i ${everyMs / 1000} -W 1 ${ip}`]);
  const child = spawn(argv[0] ?? '', argv.slice(1), { env, stdio: ['ignore', 'pipe', 'ignore'] });
  let pid: string | undefined;
  let rest = '';
  let answers: { seq: number; at: number }[] = [];
  let count = 0;
  const over = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const begun = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => reject(new Error(`ping ${ip} ended at its start`)));
    child.stdout.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        pid ??= /^pid (\d+)$/.exec(line)?.[1];
        const m = /^\[(\d+\.\d+)\] \d+ bytes from .* icmp_seq=(\d+) /.exec(line);
        // A duplicate is no news.
        if (m && !line.includes('DUP') && Number(m[2]) > (answers.at(-1)?.seq ?? 0)) {
          answers.push({ at: Number(m[1]) * 1000, seq: Number(m[2]) });
          count += 1;
        }
      }
      if (pid !== undefined) resolve();
    });
  });
  await begun;
  const take = (): PingStats => {
    const stats = pingStats(answers);
    answers = answers.slice(-1);
    return stats;
  };
  return {
    count: () => count,
    async mark() {
      const before = count;
      await eventually(`an answer from ${ip}`, () => count > before, { timeoutMs: 120_000, everyMs: 10 });
      return take();
    },
    async stop() {
      await lab.exec(from.site, ['kill', '-INT', pid ?? '']);
      await over;
      return take();
    },
  };
}
