import { expect, test, vi } from 'vitest';
import { everyBoundary, prove, report } from '../src/boundaries/prove.ts';
import { scenarios } from '../src/scenarios/index.ts';

vi.setConfig({ testTimeout: 20 * 60_000 });

test('all other workflows: a controller killed at every boundary; another ends the jobs as if nothing had happened', async () => {
  const proved = await prove(scenarios.filter((s) => s.workflow !== 'protect'), everyBoundary, { strike: 'killed' });
  console.log(report('boundaries of all other workflows', proved));
  expect(proved.violations).toEqual([]);
  expect(proved.tried).toBeGreaterThan(0);
});
