import { createCloud, type CloudConfig } from '@godwit/openstack';
import { readSource, relay } from '@godwit/resources';

/** Godwit's relay in a process of its own, so that its CPU and memory can be told from a controller's: `{ source, target, image, size, copies }` on stdin. */
async function main(): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const c of process.stdin as AsyncIterable<Buffer>) chunks.push(c);
  const { source, target, image, size, copies } = JSON.parse(Buffer.concat(chunks).toString()) as { source: CloudConfig; target: CloudConfig; image: string; size: number; copies: number };
  const [from, to] = [createCloud(source), createCloud(target)];
  const made = await Promise.all(Array.from({ length: copies }, (_, n) => to.image.create({ name: `res-bench-${process.pid}-${n}`, disk_format: 'raw', container_format: 'bare', os_hidden: true })));
  // The pipes it is compared with have their tokens before they begin.
  await from.image.get(image);
  const beforeMiB = process.memoryUsage().rss / 1024 ** 2;
  const clock = { now: () => new Date(), sleep: () => Promise.resolve() };
  const began = performance.now();
  const done = await relay(
    readSource('source', from, image, size, { clock, signal: new AbortController().signal }),
    made.map((m, n) => ({ site: `target${n}`, upload: (pieces) => to.image.upload(m.id, pieces, size, { timeoutMs: 600_000 }) })),
  );
  const seconds = (performance.now() - began) / 1_000;
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  const hashes = await Promise.all(made.map(async (m) => (await to.image.get(m.id)).os_hash_value));
  for (const m of made) await to.image.delete(m.id);
  await Promise.all([from.close(), to.close()]);
  if (done.failed.size > 0) throw [...done.failed.values()][0] as Error;
  process.stdout.write(JSON.stringify({ seconds, sourceBytes: done.bytes, cpuSeconds: (userCPUTime + systemCPUTime) / 1e6, maxRssMiB: maxRSS / 1024, beforeMiB, hashes }));
}

await main();
