import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..', '..');

function sources(dir: string): string[] {
  return readdirSync(dir).flatMap((name) => {
    const path = join(dir, name);
    if (statSync(path).isDirectory()) return name === 'node_modules' || name === 'testing' ? [] : sources(path);
    return path.endsWith('.ts') && !path.endsWith('.test.ts') ? [path] : [];
  });
}

describe('docs/errors.md', () => {
  const documented = new Set([...readFileSync(join(root, 'docs', 'errors.md'), 'utf8').matchAll(/^\| `(GW_[A-Z_]+)` \|/gm)].map((m) => m[1]));
  const packages = readdirSync(join(root, 'packages'));
  const used = new Set(packages.flatMap((p) => sources(join(root, 'packages', p, 'src'))).flatMap((file) => [...readFileSync(file, 'utf8').matchAll(/['"`](GW_[A-Z_]+[A-Z])['"`]/g)].map((m) => m[1])));

  it('has a line for every code that the source uses', () => {
    expect(used.size).toBeGreaterThan(50);
    expect([...used].filter((code) => !documented.has(code))).toEqual([]);
  });

  it('has no line for a code that nobody uses', () => {
    expect([...documented].filter((code) => !used.has(code))).toEqual([]);
  });
});
