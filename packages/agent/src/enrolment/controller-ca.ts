import { createHash, X509Certificate } from 'node:crypto';
import * as tls from 'node:tls';
import { AgentError, reason } from '../protocol/errors.ts';
import { alpn, controllerName } from '../protocol/frames.ts';
import type { Address } from '../protocol/values.ts';

/**
 * The CA that a controller shows, if it is the one of the token. Nothing is sent on this connection, and nothing of it is trusted but the
 * one certificate whose hash the token names; the next connection is then verified against that.
 */
export function fetchControllerCa({ host, port }: Address, caSha256: string, timeoutMs = 10_000): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host, port, servername: controllerName, ALPNProtocols: [alpn], minVersion: 'TLSv1.3', rejectUnauthorized: false });
    const timer = setTimeout(() => socket.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    socket.once('error', (cause) => {
      clearTimeout(timer);
      reject(new AgentError('GW_AGENT_UNREACHABLE', 'retryable', `the controller at ${host}:${port} cannot be reached: ${reason(cause)}`, { action: 'Check the address, and that godwit-server listens for agents there.', cause }));
    });
    socket.once('secureConnect', () => {
      clearTimeout(timer);
      const shown = chain(socket.getPeerCertificate(true));
      socket.destroy();
      const ca = shown.find((der) => createHash('sha256').update(der).digest('base64url') === caSha256);
      if (ca) resolve(new X509Certificate(ca).toString());
      else reject(new AgentError('GW_AGENT_WRONG_CONTROLLER', 'terminal', `what answers at ${host}:${port} is not the controller that gave out this token`, { action: 'Check the address; somebody may stand in between.' }));
    });
  });
}

function chain(certificate: tls.DetailedPeerCertificate | undefined): Buffer[] {
  const found: Buffer[] = [];
  // A self-signed certificate is its own issuer.
  for (let at = certificate; at?.raw && found.length < 8 && !found.some((f) => f.equals(at?.raw ?? f)); at = at.issuerCertificate) found.push(at.raw);
  return found;
}
