import type { Lab } from '../index.ts';
import { wsgi } from '../components/common.ts';
import { agentCommand } from '../star/agent.ts';
import { configDir, keystonePort, type StarNode } from '../star/plan.ts';
import { eventually } from './wait.ts';
import { ask, nodeAddress } from './keystone.ts';

// The lab's sites share this machine's clock, and Linux has no namespace for it. So what reads it is told another: by Python's and
// Node's own means, since the package tree holds no compiler.
const python = `
import datetime, os, runpy, sys, time
offset = float(os.environ['LAB_SKEW'])
real = time.time
time.time = lambda: real() + offset
from oslo_utils import timeutils
utcnow = timeutils.utcnow
def shifted(with_timezone=False):
    return utcnow(with_timezone) + datetime.timedelta(seconds=offset)
shifted.override_time = None
timeutils.utcnow = shifted
sys.argv = ['keystone-wsgi-public']
application = runpy.run_path('/usr/bin/keystone-wsgi-public', run_name='wsgi')['application']
`;
const javascript = `
const offset = Number(process.env.LAB_SKEW) * 1000;
const Real = Date;
globalThis.Date = class extends Real {
  constructor(...given) {
    if (given.length === 0) super(Real.now() + offset);
    else super(...given);
  }
  static now() {
    return Real.now() + offset;
  }
};
`;

export interface Skewed {
  /** As the node was. */
  undo(): Promise<void>;
}

/** Keystone and agent of a node go on with a clock that is off by so many seconds. */
export async function skewNode(lab: Lab, node: StarNode, seconds: number): Promise<Skewed> {
  const n = node.number;
  const site = node.site.name;
  const services = [`keystone-${String(n)}`, `agent-${String(n)}`];
  const put = async (path: string, text: string): Promise<void> => {
    const wrote = await lab.exec(site, ['sh', '-c', 'cat >"$0"; chmod 644 "$0"', path], { input: text });
    if (wrote.code !== 0) throw new Error(wrote.stderr);
  };
  await put('/tmp/skewed.py', python);
  await put('/tmp/skewed.mjs', javascript);
  const end = async (): Promise<void> => {
    for (const name of ['keystone', 'agent']) {
      const pid = `/tmp/skewed-${name}.pid`;
      await lab.exec(site, ['sh', '-c', `[ -e ${pid} ] || exit 0; p=$(cat ${pid}); kill -TERM $p 2>/dev/null; i=0; while kill -0 $p 2>/dev/null && [ $i -lt 50 ]; do sleep 0.2; i=$((i+1)); done; kill -9 $p 2>/dev/null; rm -f ${pid}`]);
    }
  };
  const undo = async (): Promise<void> => {
    await end();
    for (const service of services) await lab.startService(site, service);
  };
  for (const service of services) await lab.stopService(site, service);
  const start = async (name: string, env: string[], argv: readonly string[]): Promise<void> => {
    const script = 'pid=$1; log=$2; shift 2; setsid env "$@" >>"$log" 2>&1 </dev/null & echo $! >"$pid"';
    const started = await lab.exec(site, ['sh', '-c', script, 'sh', `/tmp/skewed-${name}.pid`, `/tmp/skewed-${name}.log`, `LAB_SKEW=${seconds}`, ...env, ...argv], { user: 'keystone' });
    if (started.code !== 0) throw new Error(started.stderr);
  };
  try {
    await start('keystone', [`OS_KEYSTONE_CONFIG_FILES=${configDir(n)}/keystone.conf`], wsgi(keystonePort(n), ['--wsgi-file', '/tmp/skewed.py'], { processes: 2, threads: 1 }));
    await start('agent', ['NODE_OPTIONS=--import=/tmp/skewed.mjs'], agentCommand(n, 'run'));
    await eventually(`${node.name} to serve with its wrong clock`, async () => (await ask(nodeAddress(node), 'GET', '/v3')).status < 500, { timeoutMs: 60_000 });
  } catch (error) {
    await undo();
    throw error;
  }
  return { undo };
}
