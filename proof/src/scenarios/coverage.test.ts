import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { definedWorkflows } from './defined.ts';
import { byName, elsewhere, notYet, scenarios } from './index.ts';

test('every workflow that the packages define is crashed at each of its boundaries: here, or where it says', () => {
  const defined = definedWorkflows();
  expect(defined).toContain('protect');
  expect(defined).toContain('identity-rotate');
  const played = new Set(scenarios.map((s) => s.workflow));
  const proved = new Set([...played, ...Object.keys(elsewhere)]);
  // Exactly these: one that has a scenario now is no longer said to lack it.
  expect(defined.filter((name) => !proved.has(name))).toEqual(notYet);
  expect([...proved].filter((name) => !defined.includes(name))).toEqual([]);
  expect(Object.keys(elsewhere).filter((name) => played.has(name))).toEqual([]);
});

test('where a workflow is said to be crashed instead, there is a test that speaks of it', () => {
  const root = join(import.meta.dirname, '..', '..', '..');
  const silent = Object.entries(elsewhere).filter(([workflow, file]) => {
    const text = existsSync(join(root, file)) ? readFileSync(join(root, file), 'utf8') : '';
    return !text.includes(workflow.replace(/^.*-/, ''));
  });
  expect(silent).toEqual([]);
});

test('scenarios have names of their own: cases are replayed by them', () => {
  const names = [...scenarios, ...byName].map((s) => s.name);
  expect(new Set(names).size).toBe(names.length);
});
