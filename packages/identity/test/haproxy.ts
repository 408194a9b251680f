import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** HAProxy of this machine, or of the lab's packages (run with their own loader); undefined where there is none. */
export function haproxy(): string[] | undefined {
  if (existsSync('/usr/sbin/haproxy')) return ['/usr/sbin/haproxy'];
  const cache = '/var/cache/godwit-lab';
  const tree = existsSync(cache) ? readdirSync(cache).find((d) => existsSync(join(cache, d, 'usr/sbin/haproxy'))) : undefined;
  if (tree === undefined) return undefined;
  const lib = join(cache, tree, 'usr/lib/x86_64-linux-gnu');
  return [join(lib, 'ld-linux-x86-64.so.2'), '--library-path', lib, join(cache, tree, 'usr/sbin/haproxy')];
}
