import { AgentError } from './errors.ts';

const newline = 10;

/** Splits a byte stream into lines of JSON. Throws GW_AGENT_PROTOCOL for a line that is too long or no JSON: the connection is then to be closed. */
export class LineReader {
  readonly #max: number;
  #parts: Buffer[] = [];
  #size = 0;

  constructor(maxBytes: number) {
    this.#max = maxBytes;
  }

  *push(chunk: Buffer): Generator<unknown> {
    let from = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, from)) {
      this.#add(chunk.subarray(from, end));
      const line = Buffer.concat(this.#parts).toString('utf8');
      this.#parts = [];
      this.#size = 0;
      from = end + 1;
      yield parse(line);
    }
    if (from < chunk.length) this.#add(chunk.subarray(from));
  }

  #add(part: Buffer): void {
    this.#size += part.length;
    if (this.#size > this.#max) throw new AgentError('GW_AGENT_PROTOCOL', 'terminal', `a message of more than ${this.#max} bytes`);
    this.#parts.push(part);
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    // The parser's message quotes what it read, which may be a key.
    throw new AgentError('GW_AGENT_PROTOCOL', 'terminal', 'a message that is no JSON');
  }
}

export const toLine = (frame: object): string => `${JSON.stringify(frame)}\n`;
