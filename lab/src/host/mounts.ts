import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** What is mounted in all mount namespaces that a process lives in, as /proc tells it (proc(5), mountinfo). A lab's sites have one each. */
export function mountsOfAll(proc = '/proc'): string {
  const seen = new Map<string, string>();
  for (const pid of readdirSync(proc)) {
    if (!/^\d+$/.test(pid)) continue;
    try {
      const namespace = readlinkSync(`${proc}/${pid}/ns/mnt`);
      if (!seen.has(namespace)) seen.set(namespace, readFileSync(`${proc}/${pid}/mountinfo`, 'utf8'));
    } catch {
      // Ended meanwhile, or a thread of the kernel.
    }
  }
  return [...seen.values()].join('\n');
}
