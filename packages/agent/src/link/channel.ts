import type { TLSSocket } from 'node:tls';
import * as tls from 'node:tls';
import type * as z from 'zod/mini';
import { AgentError, reason } from '../protocol/errors.ts';
import { alpn, controllerName, fromHub, type FromAgent, type FromHub, maxFrameFromHub } from '../protocol/frames.ts';
import { LineReader, toLine } from '../protocol/lines.ts';
import type { Address } from '../protocol/values.ts';

export interface ChannelOptions {
  /** Trusted to vouch for a controller; no other CA of the machine is. */
  readonly ca: string;
  /** Left out while the node enrols. */
  readonly certificate?: string;
  readonly key?: string;
  readonly timeoutMs?: number;
}

/** A connection to a controller that has proved to be one. */
export interface Channel {
  send(frame: FromAgent): void;
  /** Bytes that wait to be sent. */
  readonly backlog: number;
  /** Called for each frame; what it throws ends the channel. */
  onFrame: (frame: FromHub) => void;
  /** Once; with what ended it. */
  onClose: (error: Error | undefined) => void;
  close(error?: Error): void;
}

/** Throws GW_AGENT_UNREACHABLE, GW_AGENT_WRONG_CONTROLLER. */
export function openChannel({ host, port }: Address, { ca, certificate, key, timeoutMs = 10_000 }: ChannelOptions): Promise<Channel> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({
      host,
      port,
      servername: controllerName,
      ca,
      ...(certificate !== undefined && { cert: certificate }),
      ...(key !== undefined && { key }),
      ALPNProtocols: [alpn],
      minVersion: 'TLSv1.3',
    });
    const timer = setTimeout(() => socket.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    socket.setNoDelay(true);
    const failed = (cause: Error): void => {
      clearTimeout(timer);
      reject(explain(host, port, cause));
    };
    socket.once('error', failed);
    // An error comes first, if there is one.
    const closed = (): void => failed(new Error('the connection was closed'));
    socket.once('close', closed);
    socket.once('secureConnect', () => {
      clearTimeout(timer);
      socket.off('error', failed).off('close', closed);
      if (socket.alpnProtocol === alpn) resolve(channel(socket));
      else {
        socket.destroy();
        reject(explain(host, port, new Error('it does not speak the protocol of agents')));
      }
    });
  });
}

function channel(socket: TLSSocket): Channel {
  const lines = new LineReader(maxFrameFromHub);
  let ended: Error | undefined;
  const it: Channel = {
    send: (frame) => void (socket.writable && socket.write(toLine(frame))),
    get backlog() {
      return socket.writableLength;
    },
    onFrame: () => undefined,
    onClose: () => undefined,
    close(error) {
      ended ??= error;
      socket.destroy();
    },
  };
  socket.on('data', (chunk: Buffer) => {
    try {
      for (const raw of lines.push(chunk)) it.onFrame(frameOf(fromHub, raw));
    } catch (error) {
      it.close(error as Error);
    }
  });
  socket.on('error', (error) => (ended ??= error));
  socket.on('close', () => it.onClose(ended));
  return it;
}

/** A frame that is not as agreed is an error that says where, and not what it was: it may have held a key. */
export function frameOf<T>(schema: z.ZodMiniType<T>, raw: unknown): T {
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues.slice(0, 3).map((i) => i.path.map(String).join('.') || 'frame').join(', ');
  throw new AgentError('GW_AGENT_PROTOCOL', 'terminal', `a message is not as agreed (${where.slice(0, 200)})`);
}

function explain(host: string, port: number, cause: Error): AgentError {
  const code = (cause as NodeJS.ErrnoException).code ?? '';
  const untrusted = /CERT|SELF_SIGNED|ALTNAME|UNABLE_TO_VERIFY|HAS_EXPIRED/.test(code);
  if (untrusted) {
    return new AgentError('GW_AGENT_WRONG_CONTROLLER', 'retryable', `what answers at ${host}:${port} is not this agent’s controller: ${reason(cause)}`, {
      action: 'See who listens there, whether the clocks agree, and which CA this node was enrolled with.', cause,
    });
  }
  return new AgentError('GW_AGENT_UNREACHABLE', 'retryable', `the controller at ${host}:${port} cannot be reached: ${reason(cause)}`, { action: 'Check the network, and that godwit-server listens for agents there.', cause });
}
