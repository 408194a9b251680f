import type { AgentReport, Command, RoleName } from '@godwit/agent';

export interface AgentInfo {
  readonly id: string;
  readonly name: string;
  readonly site: string;
  readonly role: RoleName;
  readonly state: 'active' | 'revoked';
  /** To any living controller. */
  readonly connected: boolean;
  /** Those controllers. */
  readonly controllers: readonly string[];
  readonly enrolledAt: Date;
  readonly certificateExpiresAt: Date;
  /** When its last report came. */
  readonly lastSeen?: Date;
  /** Its clock minus ours, ms; the way of the report included. */
  readonly skewMs?: number;
  readonly report?: AgentReport;
}

export interface TokenRequest {
  readonly name: string;
  readonly site: string;
  readonly role: RoleName;
  readonly ttlMs: number;
  /** Who asked for it. */
  readonly createdBy: string;
}

export interface CreatedToken {
  /** Shown once: only its hash is kept. */
  readonly token: string;
  readonly name: string;
  readonly site: string;
  readonly role: RoleName;
  readonly expiresAt: Date;
}

/** The controller's side of the agents. */
export interface AgentHub {
  /** Where agents are listened for. */
  readonly port: number;
  /** Throws GW_AGENT_EXISTS. */
  createToken(request: TokenRequest): Promise<CreatedToken>;
  /** By name. */
  list(filter?: { readonly site?: string; readonly role?: RoleName }): Promise<AgentInfo[]>;
  /** By name or id. Throws GW_AGENT_UNKNOWN. */
  get(name: string): Promise<AgentInfo>;
  /** It is cut off at once, at every controller, and stays in the list. */
  revoke(name: string): Promise<AgentInfo>;
  /** Revoked and forgotten; the name may be enrolled again. */
  remove(name: string): Promise<void>;
  /**
   * Sends a command and waits for the answer. Throws GW_AGENT_UNKNOWN, GW_AGENT_REVOKED, GW_AGENT_AWAY (waiting: not connected to this
   * controller, or no longer), GW_AGENT_NO_ANSWER, or the agent's own error. What was sent may have been done although this throws.
   */
  call<A, R>(agent: string, command: Command<A, R>, args: A, signal?: AbortSignal): Promise<R>;
  close(): Promise<void>;
}
