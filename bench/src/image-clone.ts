import { spawn } from 'node:child_process';
import { connect, deleteImages, godwitOk, makeImage, startController, startSharedGlance, type Lab } from '@godwit/lab';
import { createCloud, type Cloud } from '@godwit/openstack';
import { bundled } from './bundle.ts';
import { median, table, type Bench } from './types.ts';

interface Way {
  readonly what: string;
  readonly seconds: number;
  readonly cpuSeconds?: number;
  readonly peakMiB?: number;
}

const MiB = 1024 ** 2;

/** Runs a shell pipeline inside site2 and tells its time, and the CPU and the largest resident memory of its processes. */
async function measured(lab: Lab, script: string): Promise<{ seconds: number; cpuSeconds: number; peakMiB: number; out: string }> {
  const python = 'import resource,subprocess,sys,time\nt=time.monotonic()\np=subprocess.run(["bash","-o","pipefail","-c",sys.argv[1]],stdout=subprocess.PIPE)\nd=time.monotonic()-t\nr=resource.getrusage(resource.RUSAGE_CHILDREN)\nprint(p.returncode,d,r.ru_utime+r.ru_stime,r.ru_maxrss/1024)\nsys.stdout.write(p.stdout.decode())';
  const result = await lab.exec('site2', ['python3', '-c', python, script], { timeoutMs: 900_000 });
  const [head = '', ...rest] = result.stdout.split('\n');
  const [code, seconds, cpu, peak] = head.split(' ').map(Number);
  if (result.code !== 0 || code !== 0) throw new Error(`${script.slice(0, 60)} … failed: ${result.stderr.slice(-400)}`);
  return { seconds: seconds ?? 0, cpuSeconds: cpu ?? 0, peakMiB: peak ?? 0, out: rest.join('\n').trim() };
}

interface Child {
  readonly seconds: number;
  readonly sourceBytes: number;
  readonly cpuSeconds: number;
  readonly maxRssMiB: number;
  /** Of it, resident before the first byte was read: Node and the code. */
  readonly beforeMiB: number;
  readonly hashes: readonly string[];
}

function relayChild(program: string, source: Cloud, target: Cloud, image: string, size: number, copies: number): Promise<Child> {
  return new Promise((resolve, reject) => {
    // The first is what docs/operators/configuration.md advises for godwit-server, the second what bin/start.mjs sets.
    const child = spawn(process.execPath, ['--max-semi-space-size=2', '--liftoff-only', program], { stdio: ['pipe', 'pipe', 'inherit'] });
    let out = '';
    child.stdout.on('data', (d: Buffer) => (out += d.toString()));
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve(JSON.parse(out) as Child) : reject(new Error(`the relay ended with ${code ?? ''}`))));
    child.stdin.end(JSON.stringify({ source: source.config, target: target.config, image, size, copies }));
  });
}

/** The same image from site1 to site2, by turns: Godwit's relay, Glance's own import, the openstack client's pipe, and the bare pipe of two curls. */
export const imageCloneBench: Bench = async (lab, { say, rounds = 3 }) => {
  const size = 512 * MiB;
  const [site1, site2] = [await connect(lab, 'site1'), await connect(lab, 'site2')];
  const ours = (i: { name?: string | null | undefined }): boolean => /^(res-bench|godwit-clone-)/.test(i.name ?? '');
  const extraSites = await startSharedGlance(lab);
  const controller = await startController(lab, { name: 'bench-images', extraSites });
  const cli = { url: controller.url, cloud: 'site1' };
  const ways: Way[] = [];
  const best = new Map<string, Way>();
  const note = (way: Way): void => {
    ways.push(way);
    const known = best.get(way.what);
    if (!known || way.seconds < known.seconds) best.set(way.what, way);
    say(`${way.what}: ${way.seconds.toFixed(1)} s, ${(size / MiB / way.seconds).toFixed(0)} MiB/s${way.cpuSeconds === undefined ? '' : `, CPU ${way.cpuSeconds.toFixed(1)} s`}${way.peakMiB === undefined ? '' : `, ${way.peakMiB.toFixed(0)} MiB`}`);
  };
  try {
    await Promise.all([site1, site2].map((c) => deleteImages(c, ours)));
    const image = await makeImage(site1, size, 1, { name: 'res-bench' });
    const program = await bundled('relay-child.ts');
    const [image1, image2] = [await site1.session.endpoint('image'), await site2.session.endpoint('image')];
    const four: Child[] = [];
    const clone = async (method: string, to: string): Promise<{ seconds: number }> => {
      const { jobId } = await godwitOk<{ jobId: string }>(lab, cli, 'image', 'clone', image.id, '--from', 'site1', '--to', to, '--method', method, '--no-wait');
      const job = await godwitOk<{ steps: { name: string; startedAt: string; endedAt: string }[] }>(lab, cli, 'job', 'watch', jobId);
      const step = job.steps.find((s) => s.name.startsWith(method));
      return { seconds: (Date.parse(step?.endedAt ?? '') - Date.parse(step?.startedAt ?? '')) / 1_000 };
    };
    const shared = Object.keys(extraSites)[0] ?? '';
    const other = sharedCloud(site1, shared);
    for (let round = 1; round <= rounds; round++) {
      const tokens = await Promise.all([site1, site2].map(async (c) => (await c.session.token()).id));
      const raw = await site2.image.create({ name: 'res-bench-curl', disk_format: 'raw', container_format: 'bare' });
      const curl = await measured(lab, `curl -sf -H 'X-Auth-Token: ${tokens[0] ?? ''}' ${image1}/images/${image.id}/file | curl -sf -X PUT -H 'X-Auth-Token: ${tokens[1] ?? ''}' -H 'Content-Type: application/octet-stream' -T - ${image2}/images/${raw.id}/file`);
      note({ what: 'curl | curl', ...curl });
      await site2.image.delete(raw.id);

      const one = await relayChild(program, site1, site2, image.id, size, 1);
      if (one.hashes.some((h) => h !== image.os_hash_value)) throw new Error('the relay made another image');
      note({ what: 'Godwit relay (its own process)', seconds: one.seconds, cpuSeconds: one.cpuSeconds, peakMiB: one.maxRssMiB });

      const before = controller.residentMiB();
      note({ what: 'Godwit relay (a job of a controller)', seconds: (await clone('relay', 'site2')).seconds, peakMiB: Math.max(before, controller.residentMiB()) });
      await deleteImages(site2, ours);

      note({ what: 'Godwit import (glance-download)', seconds: (await clone('import', shared)).seconds });
      await deleteImages(other, ours);

      const typed = await measured(lab, `openstack --os-cloud site1 image save ${image.id} | openstack --os-cloud site2 image create --disk-format raw --container-format bare -f value -c id res-bench-typed`);
      note({ what: 'openstack image save | image create', ...typed });
      await deleteImages(site2, ours);
    }
    four.push(await relayChild(program, site1, site2, image.id, size, 4));
    say(`to four targets: ${four[0]?.seconds.toFixed(1) ?? ''} s, ${((four[0]?.sourceBytes ?? 0) / size).toFixed(2)} times the source, ${four[0]?.maxRssMiB.toFixed(0) ?? ''} MiB`);
    // Whether memory grows with the size.
    const sizes: { size: number; maxRssMiB: number; beforeMiB: number }[] = [];
    for (const other of [64 * MiB, 2048 * MiB]) {
      const made = await makeImage(site1, other, 2, { name: 'res-bench-size' });
      const { maxRssMiB, beforeMiB, seconds } = await relayChild(program, site1, site2, made.id, other, 1);
      await site1.image.delete(made.id);
      sizes.push({ size: other, maxRssMiB, beforeMiB });
      say(`relay of ${other / MiB} MiB: ${seconds.toFixed(1)} s, ${maxRssMiB.toFixed(0)} MiB, ${beforeMiB.toFixed(0)} of it before the first byte`);
    }
    const seconds = (what: string): number[] => ways.filter((w) => w.what === what).map((w) => w.seconds);
    // Of each round by itself: the machine's mood is then the same for both.
    const ratios = seconds('curl | curl').map((s, n) => s / (seconds('Godwit relay (its own process)')[n] ?? 1));
    const ratio = median(ratios);
    const text = [
      table([
        [`best of ${rounds}, ${size / MiB} MiB`, 'MiB/s', 's', 'CPU s', 'peak MiB'],
        ...[...best.values()].map((w) => [w.what, (size / MiB / w.seconds).toFixed(0), w.seconds.toFixed(1), w.cpuSeconds?.toFixed(1) ?? '', w.peakMiB?.toFixed(0) ?? '']),
      ]),
      '',
      `Godwit's relay to the bare pipe, median of ${rounds} rounds: ${ratio.toFixed(2)} (aim: 0.9 or better). To four targets at once it read ${((four[0]?.sourceBytes ?? 0) / size).toFixed(2)} times the source (aim: at most 1.3) in ${four[0]?.seconds.toFixed(1) ?? ''} s, with ${four[0]?.maxRssMiB.toFixed(0) ?? ''} MiB resident (aim: under 100 MB).`,
      `Memory by size: ${sizes.map((x) => `${x.size / MiB} MiB: ${x.maxRssMiB.toFixed(0)} MiB (${x.beforeMiB.toFixed(0)} of it before the first byte)`).join(', ')}.`,
      'CPU is of the pipe’s own processes (of openstack: two Pythons; of curl: two curls), memory that of the largest of them; an import costs the two Glances only.',
    ].join('\n');
    return { name: 'image-clone', text, figures: { size, rounds, ways, four, sizes, ratios, ratio } };
  } finally {
    await controller.stop();
    await Promise.all([site1, site2].map((c) => deleteImages(c, ours).then(() => c.close())));
  }
};

const sharedCloud = (site1: Cloud, regionName: string): Cloud => createCloud({ ...site1.config, regionName });
