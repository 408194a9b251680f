import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cloud } from '@godwit/openstack';
import type { Lab } from '../index.ts';
import { projectRoot } from './controller.ts';
import type { Plugged } from './plugged.ts';

export interface VipGuest {
  readonly lines: readonly string[];
  stop(): Promise<void>;
}

/** The script of a guest that may hold an address, at its side of the network. */
export async function startVipGuest(lab: Lab, p: Plugged, options: { readonly url: string; readonly vip: string; readonly address: string; readonly tenant: Cloud }): Promise<VipGuest> {
  const script = readFileSync(join(projectRoot, 'lab', 'src', 'harness', 'vip-guest.py'), 'utf8');
  const token = await options.tenant.session.token();
  const { argv, env } = lab.spawnArgs(p.site, ['sh', '-c', 'echo "pid $$"; exec python3 -c "$0" "$@"', script, options.url, options.vip, p.port.id, options.address, p.namespace]);
  const child = spawn(argv[0] ?? '', argv.slice(1), { env: { ...env, TOKEN: token.id, AUTH_URL: options.tenant.config.auth.authUrl }, stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  let pid = '';
  child.stdout.on('data', (d: Buffer) => {
    for (const line of d.toString().split('\n')) {
      if (line.startsWith('pid ')) pid = line.slice(4);
      else if (line !== '') lines.push(line);
    }
  });
  const over = new Promise<void>((resolve) => child.once('close', () => resolve()));
  return {
    lines,
    async stop() {
      await lab.exec(p.site, ['kill', '-9', pid]);
      await over;
    },
  };
}
