import * as z from 'zod/mini';
import { describe, expect, it } from 'vitest';
import { defineCommand } from '../protocol/command.ts';
import { AgentError } from '../protocol/errors.ts';
import { Commands } from './commands.ts';
import { handler } from './role.ts';

const echo = defineCommand('test.echo', z.object({ text: z.string() }), z.string(), 1_000);
const none = new AbortController().signal;
const gate = () => {
  let open: () => void = () => undefined;
  return { opened: new Promise<void>((r) => (open = r)), open: () => open() };
};

describe('commands', () => {
  it('of one lane run one after the other, others at once; one that fails does not stop the next', async () => {
    const [first, order]: [ReturnType<typeof gate>, string[]] = [gate(), []];
    const other = defineCommand('test.other', z.object({}), z.string(), 1_000);
    const commands = new Commands([
      handler(echo, 'keys', async ({ text }) => {
        order.push(`begin ${text}`);
        if (text === 'a') await first.opened;
        if (text === 'b') throw new Error('no');
        order.push(`end ${text}`);
        return text;
      }),
      handler(other, undefined, () => Promise.resolve((order.push('other'), 'ok'))),
    ]);
    const [a, b, c] = ['a', 'b', 'c'].map((text) => commands.run('test.echo', { text }, 1_000, none).catch((e: AgentError) => e.code));
    expect(await commands.run('test.other', {}, 1_000, none)).toBe('ok');
    first.open();
    expect(await Promise.all([a, b, c])).toEqual(['a', 'GW_AGENT_FAILED', 'c']);
    expect(order.filter((o) => o !== 'other')).toEqual(['begin a', 'end a', 'begin b', 'begin c', 'end c']);
  });

  it('that nobody knows, or with other arguments than agreed, are refused, and what they hold is not repeated', async () => {
    const commands = new Commands([handler(echo, undefined, ({ text }) => Promise.resolve(text))]);
    await expect(commands.run('test.nothing', {}, 1_000, none)).rejects.toMatchObject({ code: 'GW_AGENT_COMMAND', kind: 'terminal' });
    const error = await commands.run('test.echo', { text: ['s3cret'] }, 1_000, none).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'GW_AGENT_COMMAND', message: expect.stringContaining('(text)') as string });
    expect(String(error)).not.toContain('s3cret');
  });

  it('are given up when the controller gives them up or their time is over, also while they wait', async () => {
    const held = gate();
    const commands = new Commands([handler(echo, 'keys', async ({ text }, signal) => (text === 'first' ? await held.opened : signal.throwIfAborted(), text))]);
    const first = commands.run('test.echo', { text: 'first' }, 1_000, none);
    const cancelled = new AbortController();
    const second = commands.run('test.echo', { text: 'second' }, 1_000, cancelled.signal).catch((e: AgentError) => e.code);
    cancelled.abort(new AgentError('GW_AGENT_CANCELLED', 'terminal', 'given up'));
    held.open();
    expect([await first, await second]).toEqual(['first', 'GW_AGENT_CANCELLED']);
  });

  it('beyond a number that wait are refused, so that nobody fills the memory', async () => {
    const held = gate();
    const commands = new Commands([handler(echo, 'keys', async ({ text }) => (await held.opened, text))]);
    const all = Array.from({ length: 40 }, (_, i) => commands.run('test.echo', { text: String(i) }, 1_000, none).catch((e: AgentError) => e.code));
    held.open();
    expect((await Promise.all(all)).filter((x) => x === 'GW_AGENT_BUSY')).toHaveLength(8);
  });
});
