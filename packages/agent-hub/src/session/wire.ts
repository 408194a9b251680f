import type { TLSSocket } from 'node:tls';
import { AgentError, type FromAgent, fromAgent, type FromHub, LineReader, maxFrameFromAgent, quietMs, toLine, type WireError } from '@godwit/agent';
import { GodwitError, toGodwitError } from '@godwit/sites';
import { Rate } from './rate.ts';

/** A side that does not read what it is sent. */
const maxBacklog = 8 * 1024 * 1024;

/** Frames over one connection, within limits: of size, of number, of silence. */
export class Wire {
  onFrame: (frame: FromAgent) => void = () => undefined;
  onClose: () => void = () => undefined;
  readonly #socket: TLSSocket;
  readonly #watch: NodeJS.Timeout;
  readonly #rate = new Rate(200, 20);
  #heard = Date.now();
  #said = Date.now();
  #closing = false;

  constructor(socket: TLSSocket) {
    this.#socket = socket;
    const lines = new LineReader(maxFrameFromAgent);
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      this.#heard = Date.now();
      if (this.#closing) return;
      try {
        for (const raw of lines.push(chunk)) {
          if (this.#closing) return;
          if (!this.#rate.take()) throw new AgentError('GW_AGENT_PROTOCOL', 'terminal', 'too many messages');
          this.onFrame(frameOf(raw));
        }
      } catch (error) {
        this.refuse(error);
      }
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearInterval(this.#watch);
      this.onClose();
    });
    this.#watch = setInterval(() => {
      if (Date.now() - this.#heard > 3 * quietMs) socket.destroy();
      else if (Date.now() - this.#said >= quietMs) this.send({ t: 'ping' });
    }, quietMs / 2);
  }

  get closed(): boolean {
    return this.#closing || this.#socket.destroyed;
  }

  get peer(): string {
    return `${this.#socket.remoteAddress ?? '?'}:${this.#socket.remotePort ?? 0}`;
  }

  /** False: it is closed, or the other side does not read. */
  send(frame: FromHub): boolean {
    if (this.#closing || !this.#socket.writable) return false;
    if (this.#socket.writableLength > maxBacklog) {
      this.#socket.destroy();
      return false;
    }
    this.#said = Date.now();
    this.#socket.write(toLine(frame));
    return true;
  }

  /** Says why, and closes. */
  refuse(error: unknown): void {
    this.send({ t: 'refused', error: toWire(error) });
    this.close();
  }

  /** What was sent is still delivered, but not waited for for long. */
  close(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#socket.end();
    setTimeout(() => this.#socket.destroy(), 2_000).unref();
  }

  destroy(): void {
    this.#closing = true;
    this.#socket.destroy();
  }
}

function frameOf(raw: unknown): FromAgent {
  const parsed = fromAgent.safeParse(raw);
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues.slice(0, 3).map((i) => i.path.map(String).join('.') || 'frame').join(', ');
  throw new AgentError('GW_AGENT_PROTOCOL', 'terminal', `a message is not as agreed (${where.slice(0, 200)})`);
}

/** What a stranger may hear of an error: one of ours as it is, of another only that there was one. */
function toWire(error: unknown): WireError {
  const known = error instanceof GodwitError || error instanceof AgentError ? toGodwitError(error) : undefined;
  if (!known || known.code === 'GW_INTERNAL') return { code: 'GW_AGENT_HUB', kind: 'retryable', message: 'the controller cannot answer now' };
  return { code: known.code, kind: known.kind, message: known.message.slice(0, 2_000), ...(known.action !== undefined && { action: known.action.slice(0, 2_000) }) };
}
