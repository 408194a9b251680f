import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { rbd, type RbdAnswer } from '../src/rbd/command.ts';
import { Pool } from '../src/rbd/images.ts';
import type { Site } from '../src/core/site.ts';
import { createSparse } from '../src/storage/sparse.ts';
import { emulate } from './harness.ts';

const spec = 'volumes/one';
const ok = async (site: Site, ...args: string[]): Promise<RbdAnswer> => {
  const answer = await rbd(site, args);
  expect(answer, args.join(' ')).toMatchObject({ code: 0 });
  return answer;
};

test('an image that went to the other site and was given up there goes back, though the first site’s giving up is known there still', async () => {
  const emulator = await emulate();
  const [here, there] = [emulator.site('site1'), emulator.site('site2')];
  new Pool(here).put('one', createSparse(1024 ** 3));
  await ok(here, 'mirror', 'image', 'enable', spec, 'snapshot');
  await ok(here, 'mirror', 'image', 'demote', spec);
  await delay(20);
  await ok(there, 'mirror', 'image', 'promote', spec);
  await ok(there, 'mirror', 'image', 'demote', spec);
  await delay(20);
  // Whoever looks there now finds what was given up there, not what came from here before.
  expect((await ok(there, 'snap', 'ls', '--all', spec)).stdout).toContain('"state":"demoted"');
  await ok(here, 'mirror', 'image', 'promote', spec);
  expect(JSON.parse((await ok(here, 'info', spec)).stdout)).toMatchObject({ mirroring: { primary: true } });
});

test('who gave an image up may take it back, as long as the other site has not taken it; who only follows may not', async () => {
  const emulator = await emulate();
  const [here, there] = [emulator.site('site1'), emulator.site('site2')];
  new Pool(here).put('one', createSparse(1024 ** 3));
  await ok(here, 'mirror', 'image', 'enable', spec, 'snapshot');
  await delay(20);
  expect(await rbd(there, ['mirror', 'image', 'promote', spec])).toMatchObject({ code: 16 });
  await ok(here, 'mirror', 'image', 'demote', spec);
  await ok(here, 'mirror', 'image', 'promote', spec);
});
