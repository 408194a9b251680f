import { expect, it } from 'vitest';
import { quotaAllows } from './quota.ts';

it.each([
  [{ limit: 10, inUse: 7, reserved: 1 }, 2, true],
  [{ limit: 10, inUse: 7, reserved: 1 }, 3, false],
  [{ limit: -1, inUse: 1000, reserved: 0 }, 1000, true],
  [{ limit: 0, inUse: 0, reserved: 0 }, 1, false],
])('%j and %d more: %s', (usage, more, allowed) => {
  expect(quotaAllows({ volumes: usage }, 'volumes', more)).toBe(allowed);
});
it('a resource that is not named is not limited', () => expect(quotaAllows({}, 'volumes', 1)).toBe(true));
