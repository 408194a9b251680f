import * as z from 'zod/mini';
import { gatewayReport } from './gateway.ts';
import { keystoneReport } from './keystone.ts';
import { storageReport } from './storage.ts';
import { many, name, short, text, time } from './values.ts';

/**
 * The wire: TLS 1.3, ALPN `godwit-agent/1`, a JSON object a line. The agent speaks first: `hello` with its certificate, or `enrol` with a
 * token. Then the controller calls and the agent answers and reports, until either side goes.
 */
export const alpn = 'godwit-agent/1';
export const protocolVersion = 1;
/** The controller's certificate carries this name, whatever address it is reached at. */
export const controllerName = 'controller.godwit.internal';
/** Bytes of a line. What the controller sends may hold a key set of 1000 keys. */
export const maxFrameFromAgent = 256 * 1024;
export const maxFrameFromHub = 256 * 1024;
/** Each side pings when it has sent nothing for so long; one that was silent for three of them is gone. */
export const quietMs = 10_000;

export const roles = ['keystone', 'storage', 'gateway'] as const;
export type RoleName = (typeof roles)[number];

/** All that an agent says of itself and its node; each role adds its part. */
export const agentReport = z.object({
  /** The node's own clock. */
  at: time,
  agentVersion: short,
  uptimeSeconds: z.number(),
  rssBytes: z.number(),
  keystone: z.optional(keystoneReport),
  storage: z.optional(storageReport),
  gateway: z.optional(gatewayReport),
});
export type AgentReport = z.infer<typeof agentReport>;

const wireError = z.object({ code: short, kind: z.enum(['terminal', 'retryable', 'waiting']), message: text, action: z.optional(text) });
export type WireError = z.infer<typeof wireError>;
const pem = z.string().check(z.maxLength(16_384));
const controllers = many(short, 32);

export const fromAgent = z.discriminatedUnion('t', [
  z.object({ t: z.literal('enrol'), v: z.literal(protocolVersion), token: short, name, csr: pem, agentVersion: short }),
  z.object({ t: z.literal('hello'), v: z.literal(protocolVersion), agentVersion: short, clock: time }),
  z.object({ t: z.literal('report'), report: agentReport }),
  z.object({ t: z.literal('result'), id: z.int(), value: z.unknown() }),
  z.object({ t: z.literal('error'), id: z.int(), error: wireError }),
  z.object({ t: z.literal('renew'), csr: pem }),
  z.object({ t: z.literal('ping') }),
]);
export type FromAgent = z.infer<typeof fromAgent>;

export const fromHub = z.discriminatedUnion('t', [
  z.object({ t: z.literal('enrolled'), id: short, name, site: short, role: z.enum(roles), certificate: pem, ca: pem, controllers }),
  z.object({ t: z.literal('welcome'), id: short, clock: time, controllers, /** The certificate has expired by the controller's clock: nothing else is done until it is renewed. */ renew: z.boolean(), reportEveryMs: z.int().check(z.minimum(100), z.maximum(600_000)) }),
  z.object({ t: z.literal('call'), id: z.int(), command: short, args: z.unknown(), timeoutMs: z.int() }),
  z.object({ t: z.literal('cancel'), id: z.int() }),
  z.object({ t: z.literal('renewed'), certificate: pem, ca: pem }),
  z.object({ t: z.literal('refused'), error: wireError }),
  z.object({ t: z.literal('ping') }),
]);
export type FromHub = z.infer<typeof fromHub>;
