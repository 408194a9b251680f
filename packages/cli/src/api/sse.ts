/** One server-sent event. */
export interface ServerEvent {
  readonly id: string | undefined;
  readonly type: string;
  readonly data: string;
}

/** Reads an event stream (WHATWG HTML, section 9.2.6) until it ends. Comments, which keep it open, are passed over. */
export async function* readEvents(body: AsyncIterable<Uint8Array>): AsyncIterable<ServerEvent> {
  const decoder = new TextDecoder();
  let rest = '';
  let event = blank();
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true });
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '') {
        if (event.data.length > 0) yield { id: event.id, type: event.type, data: event.data.join('\n') };
        event = blank();
      } else {
        readField(event, line);
      }
    }
  }
}

interface Partial {
  id: string | undefined;
  type: string;
  data: string[];
}

const blank = (): Partial => ({ id: undefined, type: 'message', data: [] });

function readField(event: Partial, line: string): void {
  const colon = line.indexOf(':');
  if (colon === 0) return;
  const field = colon === -1 ? line : line.slice(0, colon);
  const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '');
  if (field === 'id') event.id = value;
  else if (field === 'event') event.type = value;
  else if (field === 'data') event.data.push(value);
}
