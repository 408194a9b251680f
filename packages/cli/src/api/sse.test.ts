import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readEvents, type ServerEvent } from './sse.ts';

async function* pieces(text: string, cuts: readonly number[]): AsyncIterable<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  let from = 0;
  for (const cut of [...cuts.map((c) => c % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]) {
    yield bytes.slice(from, cut);
    from = cut;
  }
}

async function read(text: string, cuts: readonly number[] = []): Promise<ServerEvent[]> {
  const events: ServerEvent[] = [];
  for await (const event of readEvents(pieces(text, cuts))) events.push(event);
  return events;
}

describe('readEvents', () => {
  const stream = ': hello\n\nid: 7\nevent: step\ndata: {"a":"é–𝄞"}\n\n: keep-alive\n\ndata: one\ndata:two\nretry: 5\n\r\ndata: cut off';
  const expected = [
    { id: '7', type: 'step', data: '{"a":"é–𝄞"}' },
    { id: undefined, type: 'message', data: 'one\ntwo' },
  ];

  it('passes over comments and what was cut off', async () => {
    expect(await read(stream)).toEqual(expected);
  });

  it('gives the same however the bytes are cut', async () => {
    await fc.assert(fc.asyncProperty(fc.array(fc.nat(200), { maxLength: 8 }), async (cuts) => {
      expect(await read(stream, cuts)).toEqual(expected);
    }));
  });

  it('takes lines that end in CR LF', async () => {
    expect(await read('data: a\r\n\r\ndata: b\r\n\r\n', [7, 8, 9])).toEqual([{ id: undefined, type: 'message', data: 'a' }, { id: undefined, type: 'message', data: 'b' }]);
  });
});
