import { z } from 'zod';

/** Which requests a fault is for; what is left out is any. */
const where = {
  site: z.string().optional(),
  /** `identity`, `compute`, `volume`, `network`, `image`, `placement`, `object-store` */
  service: z.string().optional(),
  method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']).optional(),
  /** Regular expression on the path below the service: `^/v2\.1/servers/[^/]+/action`. */
  path: z.string().optional(),
  /** Only requests to which the client gave this global id (`req-…`). */
  globalRequestId: z.string().optional(),
};
/** When: the first `skip` that fit are let through, then `times` are hit (default: all until lifted), each with `probability`. */
const when = {
  skip: z.int().nonnegative().default(0),
  times: z.int().positive().optional(),
  probability: z.number().min(0).max(1).default(1),
};
const request = <K extends string, F extends z.core.$ZodLooseShape>(kind: K, fields: F) => z.strictObject({ kind: z.literal(kind), ...where, ...when, ...fields });

const message = {
  site: z.string().optional(),
  /** Regular expressions on the routing key and on the RPC method. */
  routingKey: z.string().optional(),
  rpc: z.string().optional(),
  ...when,
};

export const faultSchema = z.discriminatedUnion('kind', [
  /** Answers later; real milliseconds. */
  request('latency', { ms: z.number().nonnegative() }),
  /** Answers with this status, and does nothing. */
  request('error', { status: z.int().min(400).max(599).default(503), message: z.string().optional() }),
  /** Takes the request and neither does nor answers anything, until lifted; then the connection breaks. */
  request('hang', {}),
  /** The connection breaks before anything is done. */
  request('reset', {}),
  /** Does what is asked, but the connection breaks instead of an answer. */
  request('lost-answer', {}),
  /** Does what is asked, and never answers. */
  request('hung-answer', {}),
  /** Work that a request set off ends badly (`resource`: only on what has this name; so far of `spawn` alone): `work` as the services name it (`spawn`, `volume-create`, `snapshot`, `backup`, `restore`, …). */
  z.strictObject({ kind: z.literal('failure'), site: z.string().optional(), work: z.string(), resource: z.string().optional(), ...when, message: z.string().optional() }),
  /** Messages of the site's broker, on their way into a queue. */
  z.strictObject({ kind: z.literal('lose-message'), ...message }),
  z.strictObject({ kind: z.literal('double-message'), ...message }),
  z.strictObject({ kind: z.literal('delay-message'), ms: z.number().nonnegative(), ...message }),
  /** Nothing passes between two places: two sites, or `controller` and a site. */
  z.strictObject({ kind: z.literal('cut'), between: z.tuple([z.string(), z.string()]) }),
  /** The site is without power until lifted. `how`: its connections break at once (default), or hang as behind a dead router. */
  z.strictObject({ kind: z.literal('site-down'), site: z.string(), how: z.enum(['reset', 'hang']).default('reset') }),
  /** The broker alone is down until lifted. */
  z.strictObject({ kind: z.literal('broker-down'), site: z.string() }),
  /** One daemon is stopped until lifted: `nova-compute`, `cinder-volume`, `cinder-backup`, `neutron-openvswitch-agent`, … */
  z.strictObject({ kind: z.literal('daemon-down'), site: z.string(), daemon: z.string() }),
  z.strictObject({ kind: z.literal('storage-full'), site: z.string() }),
  z.strictObject({ kind: z.literal('clock-skew'), site: z.string(), ms: z.number() }),
  /** A server's guest agent: `absent` answers an error, `hung` does not answer. */
  z.strictObject({ kind: z.literal('guest-agent'), site: z.string(), server: z.string(), how: z.enum(['absent', 'hung']) }),
]);

export type Fault = z.infer<typeof faultSchema>;
/** As it is written: what has a default may be left out. */
export type FaultInput = z.input<typeof faultSchema>;
export type FaultKind = Fault['kind'];
export const faultKinds: readonly FaultKind[] = faultSchema.options.map((o) => o.shape.kind.value);
