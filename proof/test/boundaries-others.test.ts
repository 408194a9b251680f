import { expect, test, vi } from 'vitest';
import { everyBoundary, prove, report } from '../src/boundaries/prove.ts';
import { elsewhere, scenarios } from '../src/scenarios/index.ts';

vi.setConfig({ testTimeout: 20 * 60_000 });

test('all other workflows: a controller killed at every boundary; another ends the job as if nothing had happened', async () => {
  const proved = await prove(scenarios.filter((s) => s.workflow !== 'protect'), everyBoundary);
  console.log(report('boundaries of all other workflows', proved));
  expect(proved.violations).toEqual([]);
  // A workflow that nobody plays here must say where it is proved instead.
  const covered = new Set([...scenarios.map((s) => s.workflow), ...Object.keys(elsewhere)]);
  expect(proved.workflows.filter((w) => !covered.has(w))).toEqual([]);
});
