import { describe, expect, it } from 'vitest';
import { hoistFlags } from './hoist.ts';

describe('flags before the command', () => {
  it.each([
    ['--os-cloud a -f json site list', 'site list --os-cloud a -f json'],
    ['--format=json -q site show x', 'site show x --format=json -q'],
    ['-f json protect -- -odd', 'protect -f json -- -odd'],
    ['site list -f json', 'site list -f json'],
    ['--help', '--help'],
    ['--os-cloud', '--os-cloud'],
    ['', ''],
  ])('%s', (before, after) => {
    expect(hoistFlags(before.split(' ').filter(Boolean)).join(' ')).toBe(after);
  });
});
