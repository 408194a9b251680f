import type { AgentHub } from '@godwit/agent-hub';
import type { IdentityService } from '@godwit/identity';
import type { NetworkService } from '@godwit/network';
import type { Caller, ProtectionService } from '@godwit/protection';
import type { ResourcesService } from '@godwit/resources';
import type { ProjectRef, SiteRegistry } from '@godwit/sites';
import type { JobStore } from '@godwit/workflow';
import type { FastifyBaseLogger } from 'fastify';

/** What a validated Keystone token says of its bearer. */
export interface Identity {
  readonly userId: string;
  readonly userName: string;
  readonly userDomain?: string;
  /** Left out for a token without a project. */
  readonly project?: ProjectRef;
  /** A system-scoped token: the whole deployment, no project. */
  readonly system: boolean;
  readonly roles: readonly string[];
  /** The site whose Keystone vouched for the token. */
  readonly site: string;
  readonly expiresAt: Date;
}

export interface Credentials {
  /** Header X-Auth-Token. */
  readonly token: string | undefined;
  /** Header X-Auth-Url: where the caller got its token. A hint, never trusted: it only chooses among the configured Keystones. */
  readonly authUrl: string | undefined;
}

/** Throws GW_TOKEN_MISSING, GW_TOKEN_INVALID, GW_IDENTITY_UNREACHABLE. */
export type Authenticate = (credentials: Credentials) => Promise<Identity>;

/** What a caller may do; each level includes those before it. */
export const levels = ['reader', 'member', 'admin'] as const;
export type Level = (typeof levels)[number];

/** Keystone role names that grant a level. */
export type RoleNames = Readonly<Record<Level, readonly string[]>>;

export type Clock = () => Date;

export interface ServerDeps {
  readonly protection: ProtectionService;
  /** Left out: none of its routes are there. */
  readonly resources?: ResourcesService;
  /** Left out: none of its routes are there. */
  readonly network?: NetworkService;
  /** Left out where no Keystone star is declared. */
  readonly identity?: IdentityService | undefined;
  readonly sites: SiteRegistry;
  readonly jobs: JobStore;
  /** Left out: none are configured. */
  readonly agents?: AgentHub | undefined;
  readonly authenticate: Authenticate;
  readonly log: FastifyBaseLogger;
  readonly clock: Clock;
  /** Default: admin, member, reader, called so. */
  readonly roles?: RoleNames;
  readonly version?: string;
  /** Where a site’s services reach this server. */
  readonly publicUrl?: string;
  /** PEM texts; left out: plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** How often a quiet event stream sends a comment, so that proxies keep it open. Default 15 s. */
  readonly keepAliveMs?: number;
  /** Largest request body, bytes. Default 256 KiB. */
  readonly bodyLimit?: number;
  /** Answers that do not match their schema become a 500 (tests) instead of a warning in the log. */
  readonly strictAnswers?: boolean;
}

/** Who asks, as routes see it. */
export interface Principal extends Caller {
  /** Name of the user's domain, where Keystone told it. */
  readonly userDomain?: string;
  readonly level: Level;
}

declare module 'fastify' {
  interface FastifyRequest {
    principal: Principal | undefined;
  }
  interface FastifyContextConfig {
    /** Who may use the route. Every route must say so; `public` needs no token. */
    access?: Level | 'public';
  }
}
