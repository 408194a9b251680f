import { expect, test, vi } from 'vitest';
import { everyEffect, prove, report } from '../src/boundaries/prove.ts';
import { scenarios } from '../src/scenarios/index.ts';

vi.setConfig({ testTimeout: 20 * 60_000 });

const main = scenarios.filter((s) => ['protect, incrementally', 'recover, the old site answers'].includes(s.name));

test('a controller stopped inside a step while another takes over, and then continued, changes nothing that it no longer owns', async () => {
  const proved = await prove(main, everyEffect, { strike: 'stopped' });
  console.log(report('changes at which the controller was stopped', proved));
  expect(proved.violations).toEqual([]);
  expect(proved.tried).toBeGreaterThan(0);
});
