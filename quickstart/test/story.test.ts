import { loadTopology } from '@godwit/emulator';
import { parseTopology } from '@godwit/lab';
import { readFileSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { playStory } from '../src/story.ts';
import { connect } from '../src/vnf.ts';
import { openWorld } from '../src/world.ts';

const file = join(import.meta.dirname, '..', 'three-site.yaml');

it('a VNF is protected twice at one emulated site and recovered at another, with its data, addresses and order', { timeout: 120_000 }, async () => {
  const said: string[] = [];
  const world = await openWorld({ topology: loadTopology(file), seed: 7, speed: 40, port: 0, emulatorPort: 0, faults: [], log: () => undefined });
  let closed = false;
  onTestFinished(async () => {
    if (!closed) await world.close();
  });
  const report = await playStory(world, { source: 'site1', target: 'site2', speed: 40, say: (line) => said.push(line), signal: new AbortController().signal });
  expect(report).toMatchObject({ ok: true, bootedInOrder: true, sourceFenced: false, recoverySite: 'site2' });
  expect(report.points.map((p) => p.incremental)).toEqual([false, true]);
  for (const m of report.members) {
    expect(m).toMatchObject({ ok: true, sameMac: true, sameIp: true, consistent: true, holdsProtectedData: true, logs: { ok: true, violations: [] } });
    // What was written after the last point is lost, and the writer goes on from there.
    expect(m.logs.n0).toBeGreaterThan(m.resumedAt.n0);
  }
  // An increment holds what was written since, not the volumes again.
  expect(report.points[1]?.bytesBackedUp).toBeLessThan(1_000_000);
  const cloud = connect(world.emulator, 'site2-godwit');
  onTestFinished(() => cloud.close());
  const volumes = await cloud.volume.volumes.list();
  expect(volumes.map((v) => v.name).toSorted()).toEqual(['vnf-app-data', 'vnf-app-root', 'vnf-db-data', 'vnf-db-root']);
  // A restore lays the metadata of old over the new volume's: the labels by which a later run finds it must be there all the same.
  for (const v of volumes) expect(v.metadata).toMatchObject({ godwit_epoch: '2' });
  expect(world.emulator.inventory('site2').flatMap((i) => i.resources).filter((r) => r.kind === 'volume-group' || r.kind === 'group-snapshot' || r.kind === 'snapshot')).toEqual([]);
  closed = true;
  await world.close();
  await expect(access(world.directory)).rejects.toThrow();
  await expect(fetch(world.emulator.url)).rejects.toThrow();
});

it('its topology is one that the lab reads, too', () => {
  expect(Object.keys(parseTopology(readFileSync(file, 'utf8'), file).sites)).toEqual(['site1', 'site2', 'site3']);
});
