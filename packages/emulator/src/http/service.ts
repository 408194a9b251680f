import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import type { TokenContext } from '../between.ts';
import type { ApiError } from '../errors.ts';
import type { Site } from '../core/site.ts';

export type Json = Record<string, unknown>;
export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** One request as a handler sees it. */
export interface Call<S = unknown> {
  readonly site: Site;
  readonly state: S;
  readonly method: Method;
  /** Below the service's prefix, without a project id: `/servers/detail`. */
  readonly path: string;
  /** Named parts of the route's path, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  /** The JSON object that was sent; empty when none was. */
  readonly body: Json;
  /** For routes with `body: 'raw'`. */
  readonly raw: IncomingMessage;
  /** Who asks. Routes with `auth: false` have a token that may do nothing. */
  readonly token: TokenContext;
  /** Minor number of the microversion: 96 of 2.96; the service's lowest without a header; 0 where there are none. */
  readonly micro: number;
  readonly requestId: string;
  /** Address of the service, without its prefix: `http://127.0.0.1:8791/site1/compute`. */
  readonly root: string;
}

export interface Answer {
  readonly status: number;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as it is, instead of `body`. */
  readonly bytes?: Uint8Array | Readable;
}

export const ok = (body: unknown, headers?: Answer['headers']): Answer => ({ status: 200, body, ...(headers && { headers }) });
export const created = (body: unknown, headers?: Answer['headers']): Answer => ({ status: 201, body, ...(headers && { headers }) });
export const accepted = (body?: unknown): Answer => ({ status: 202, ...(body !== undefined && { body }) });
export const noContent: Answer = { status: 204 };

/**
 * Who may: `reader`, `member`, `admin` are roles (each includes those before it; a token with the role `service` may what an
 * administrator may read), `any` is every valid token, a function decides by itself.
 */
export type Policy<S> = 'any' | 'reader' | 'member' | 'admin' | ((call: Call<S>) => boolean);

export interface Route<S> {
  readonly method: Method;
  /** Below the prefix; `:name` is a part of the path, a last `*` is its rest. */
  readonly path: string;
  readonly handler: (call: Call<S>) => Answer | Promise<Answer>;
  /** Default: `reader` for GET and HEAD, else `member`. */
  readonly policy?: Policy<S>;
  /** Named in the refusal, as the real service names it: `os_compute_api:servers:create`. */
  readonly rule?: string;
  /** Microversions (their minor numbers) in which the route is there; several routes may share a path with other ranges. */
  readonly since?: number;
  readonly until?: number;
  /** False: needs no token. */
  readonly auth?: false;
  /** `raw`: the handler reads call.raw itself. `array`: call.body may be a JSON array, too (a JSON patch). Default: a JSON object. */
  readonly body?: 'raw' | 'array';
}

export interface ErrorFormat {
  /** Body of an error, as the service writes it. */
  render(error: ApiError, call: { readonly requestId: string; readonly headers: IncomingMessage['headers'] }): { readonly contentType: string; readonly text: string };
  /** What a refusal by policy says. */
  refusal(rule: string): ApiError;
  /** What an unknown path is answered with; default a 404 with webob's text. */
  unknownPath?(): ApiError;
  /** What a request without a valid token is answered with; default what keystonemiddleware says. */
  readonly unauthorized?: string;
}

export interface Microversions {
  readonly min: string;
  readonly max: string;
  /** Before `openstack-api-version` there was a header of the service's own. */
  readonly legacyHeader?: string;
}

/** A resource as the inspection lists it. */
export interface ResourceRow {
  readonly kind: string;
  readonly id: string;
  readonly name?: string;
  readonly project?: string;
  readonly status?: string;
  readonly [field: string]: unknown;
}

/** An emulated service: one definition for all sites, one state a site. */
export interface ServiceDefinition<S> {
  /** Its part of the path, and its name in the header openstack-api-version: `compute`. */
  readonly name: string;
  /** Entries of the catalogue; the path is appended to the service's address, `%(project_id)s` is replaced. */
  readonly catalog: readonly { readonly type: string; readonly name: string; readonly path: string }[];
  /** What all routes begin with: `/v2.1`. */
  readonly prefix: string;
  /** A project id may stand behind the prefix; it must be the token's own. */
  readonly projectInPath?: boolean;
  readonly microversions?: Microversions;
  readonly errors: ErrorFormat;
  /** Without a prefix and without a token: version documents. */
  readonly rootRoutes?: readonly Route<S>[];
  readonly routes: readonly Route<S>[];
  /**
   * Made once for each site, in the order of the world's services. What other services need of this one is put into `site.parts`
   * here. Plain Maps: all of it is "disk", kept over the site's death.
   */
  createState(site: Site): S;
  /** The site died: work under way is dropped already. What lived in memory only is forgotten here. */
  onDown?(state: S, site: Site): void;
  /** It is back: the daemons find what their death left half done. */
  onUp?(state: S, site: Site): void;
  /** A daemon was stopped or started alone; what it had under way is the service's affair. */
  onDaemon?(state: S, site: Site, daemon: string, running: boolean): void;
  /** A fault of a server's guest agent; undefined: it is well again. */
  onGuestAgent?(state: S, site: Site, serverId: string, how: 'absent' | 'hung' | undefined): void;
  /** After Emulator.restore: what the state has is followed by whatever is not in it. */
  onRestore?(state: S, site: Site): void;
  inspect?(state: S, site: Site): Iterable<ResourceRow>;
}
