import { readFileSync } from 'node:fs';
import { generateHelpTextForAllCommands } from '@stricli/core';
import { describe, expect, it } from 'vitest';
import { makeApp } from '../src/app.ts';
import { exit } from '../src/exit-codes.ts';

const page = readFileSync(new URL('../../../docs/reference/cli.md', import.meta.url), 'utf8');
const commands = generateHelpTextForAllCommands(makeApp('0') as never);

describe('docs/reference/cli.md', () => {
  it('has every command', () => {
    expect(commands.length).toBeGreaterThan(20);
    for (const [route] of commands) expect(page).toContain(`\`${route}`);
  });

  it('has every flag', () => {
    for (const [route, help] of commands) {
      for (const [flag] of help.matchAll(/--[a-z][a-z-]+/g)) if (flag !== '--help') expect([route, flag, page.includes(flag)]).toEqual([route, flag, true]);
    }
  });

  it('has every exit code', () => {
    for (const code of Object.values(exit)) expect(page).toMatch(new RegExp(`^\\| ${code} \\|`, 'm'));
  });
});
