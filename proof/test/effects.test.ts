import { expect, test, vi } from 'vitest';
import { everyEffect, prove, report } from '../src/boundaries/prove.ts';
import { scenarios } from '../src/scenarios/index.ts';

vi.setConfig({ testTimeout: 20 * 60_000 });

test('a controller killed inside a step, when a change at a site was made and not answered: another ends the jobs as if nothing had happened', async () => {
  const proved = await prove(scenarios, everyEffect, { strike: 'killed' });
  console.log(report('changes at which the controller was killed', proved));
  expect(proved.violations).toEqual([]);
  expect(proved.tried).toBeGreaterThan(0);
});
