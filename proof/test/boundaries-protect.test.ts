import { expect, test, vi } from 'vitest';
import { everyBoundary, prove, report } from '../src/boundaries/prove.ts';
import { scenarios } from '../src/scenarios/index.ts';

vi.setConfig({ testTimeout: 20 * 60_000 });

test('protect: a controller killed at every boundary; another ends the job as if nothing had happened', async () => {
  const proved = await prove(scenarios.filter((s) => s.workflow === 'protect'), everyBoundary, { strike: 'killed' });
  console.log(report('boundaries of protect', proved));
  expect(proved.violations).toEqual([]);
});
