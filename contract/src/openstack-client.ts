import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** One answer of Debian's `openstack`. */
export interface ClientAnswer {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface OpenStackClient {
  /** Runs `openstack ARGUMENTS`. */
  run(...args: readonly string[]): Promise<ClientAnswer>;
  /** Runs it with `-f json` and reads its answer; throws with the client's own words when it fails. */
  json(...args: readonly string[]): Promise<unknown>;
  close(): Promise<void>;
}

/** Runs the client's own main for each line of arguments, so that its imports are paid for once. */
const driver = `
import sys, io, json, contextlib
from openstackclient import shell
for line in sys.stdin:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = shell.main(json.loads(line))
        except SystemExit as e:
            code = e.code
    sys.__stdout__.write(json.dumps({'code': code or 0, 'out': out.getvalue(), 'err': err.getvalue()}) + '\\n')
    sys.__stdout__.flush()
`;

/** The lab's package tree that has the client; undefined when this machine has none. */
export function clientTree(cache = process.env['GODWIT_LAB_CACHE'] ?? '/var/cache/godwit-lab'): string | undefined {
  if (!existsSync(cache)) return undefined;
  return readdirSync(cache).filter((name) => /^tree-[0-9a-f]{12}$/.test(name)).map((name) => join(cache, name)).find((tree) => existsSync(join(tree, 'usr/bin/openstack')));
}

/**
 * python3-openstackclient from the tree, in a mount namespace of its own over it (nothing in the tree is written), with the machine's network.
 * Needs root.
 */
export function startClient(tree: string, env: Readonly<Record<string, string>>): OpenStackClient {
  const script = 'mount -t tmpfs tmpfs "$0/tmp" && mount --bind /proc "$0/proc" && mount --bind /dev "$0/dev" && exec chroot "$0" python3 -c "$1"';
  const child: ChildProcessWithoutNullStreams = spawn('unshare', ['--mount', 'sh', '-c', script, tree, driver], { env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/tmp', LANG: 'C.UTF-8', ...env } });
  const waiting: { resolve: (answer: ClientAnswer) => void; reject: (error: Error) => void }[] = [];
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-4000);
  });
  createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()?.resolve(JSON.parse(line) as ClientAnswer));
  const ended = new Promise<void>((done) => {
    child.on('close', (code) => {
      for (const { reject } of waiting.splice(0)) reject(new Error(`the client ended (${String(code)}): ${said}`));
      done();
    });
  });
  const run = (...args: readonly string[]): Promise<ClientAnswer> =>
    new Promise((resolve, reject) => {
      waiting.push({ resolve, reject });
      child.stdin.write(`${JSON.stringify(args)}\n`);
    });
  return {
    run,
    async json(...args) {
      const { code, out, err } = await run(...args, '-f', 'json');
      if (code !== 0) throw new Error(`openstack ${args.join(' ')}: ${err}`);
      return JSON.parse(out) as unknown;
    },
    async close() {
      child.stdin.end();
      await ended;
    },
  };
}
