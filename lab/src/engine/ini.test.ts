import { expect, it } from 'vitest';

import { ini } from './ini.ts';

it('renders sections as oslo.config reads them', () => {
  expect(ini({ DEFAULT: { a: 1, b: true, c: undefined, d: '' }, x: {} })).toBe('[DEFAULT]\na = 1\nb = true\nd = \n\n[x]\n');
});
