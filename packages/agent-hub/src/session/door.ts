import { X509Certificate } from 'node:crypto';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { alpn, type FromAgent } from '@godwit/agent';
import { GodwitError } from '@godwit/sites';
import type { Authority } from '../ca/authority.ts';
import { Wire } from './wire.ts';

const helloMs = 10_000;
const certificateLifeMs = 30 * 86_400_000;
/** Connections that have not said who they are. */
const mostStrangers = 256;

export interface DoorOptions {
  readonly host: string;
  readonly port: number;
  readonly authority: Authority;
  readonly maxConnections: number;
  readonly now: () => Date;
  /** The first frame of a connection, and the SHA-256 of the certificate it came with. What it throws is told to the other side, and the connection closed. */
  readonly admit: (wire: Wire, frame: FromAgent, certificateSha256: string | undefined) => Promise<void>;
}

export interface Door {
  readonly port: number;
  close(): Promise<void>;
}

/** Listens for agents. Whom a certificate belongs to is decided by its hash, which the database knows; TLS proves that the other side has its key. */
export async function openDoor({ host, port, authority, maxConnections, now, admit }: DoorOptions): Promise<Door> {
  const context = async () => {
    const { certificate, key } = await authority.issueController(now(), certificateLifeMs);
    return { cert: certificate, key };
  };
  const server: Server = createServer({
    ...(await context()),
    ca: authority.pem,
    requestCert: true,
    // An expired certificate may still be renewed, and an agent that enrols has none.
    rejectUnauthorized: false,
    minVersion: 'TLSv1.3',
    ALPNProtocols: [alpn],
    handshakeTimeout: helloMs,
  });
  server.maxConnections = maxConnections + mostStrangers;
  const open = new Set<TLSSocket>();
  let strangers = 0;
  server.on('secureConnection', (socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => undefined);
    if (strangers >= mostStrangers || socket.alpnProtocol !== alpn) return void socket.destroy();
    strangers += 1;
    const wire = new Wire(socket);
    let counted = true;
    const known = (): void => {
      if (counted) strangers -= 1;
      counted = false;
      clearTimeout(timer);
    };
    const timer = setTimeout(() => wire.destroy(), helloMs);
    wire.onClose = known;
    wire.onFrame = (frame) => {
      // Nothing more until it is decided who this is.
      wire.onFrame = () => {
        throw new GodwitError('GW_AGENT_PROTOCOL', 'terminal', 'a message out of turn');
      };
      const der = socket.getPeerX509Certificate()?.raw;
      const sha256 = der && new X509Certificate(der).fingerprint256.replaceAll(':', '').toLowerCase();
      void admit(wire, frame, sha256).then(known, (error: unknown) => wire.refuse(error));
    };
  });
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve());
  });
  server.on('error', () => undefined);
  const renewal = setInterval(() => void context().then((c) => server.setSecureContext({ ...c, ca: authority.pem })).catch(() => undefined), certificateLifeMs / 30);
  renewal.unref();
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : port,
    close: () =>
      new Promise<void>((done) => {
        clearInterval(renewal);
        server.close(() => done());
        for (const socket of open) socket.destroy();
      }),
  };
}
