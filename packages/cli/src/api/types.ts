import type { Finding } from '../errors.ts';

/** What the server answers, as far as it is shown. The server's /openapi.json is the full description. */

export interface Site {
  readonly name: string;
  readonly region?: string;
  readonly authUrl: string;
  readonly health: { readonly state: string; readonly since: string; readonly message?: string };
}

export interface ServiceCheck {
  readonly service: string;
  readonly ok: boolean;
  readonly version?: string;
  readonly latencyMs?: number;
  readonly code?: string;
  readonly message?: string;
  readonly action?: string;
}

export interface SiteCheck {
  readonly site: string;
  readonly ok: boolean;
  readonly at: string;
  readonly checks: readonly ServiceCheck[];
}

export interface Group {
  readonly id: string;
  readonly name: string;
  readonly project: { readonly name: string; readonly domain: string };
  readonly site: string;
  readonly recoverySite: string;
  readonly activeSite: string;
  readonly epoch: number;
  readonly state: string;
  readonly progression?: string;
  readonly members: readonly { readonly serverId: string; readonly name: string; readonly order: number }[];
  readonly policy: { readonly method: string; readonly freezeLimitSeconds: number; readonly retain: number; readonly fullEvery: number; readonly backupZone?: string; readonly groupConsistent?: boolean; readonly mirrorMode?: string };
  readonly conditions: readonly { readonly type: string; readonly status: string; readonly reason: string; readonly message: string; readonly since: string }[];
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface RecoveryPoint {
  readonly id: string;
  readonly groupName: string;
  readonly sequence: number;
  readonly epoch: number;
  readonly state: string;
  /** Left out: group-snapshot. */
  readonly method?: string;
  readonly consistency: string;
  readonly sourceSite: string;
  readonly recoverySite: string;
  readonly incremental: boolean;
  readonly createdAt: string;
  readonly frozenAt?: string;
  readonly freezeWindowMs?: number;
  readonly groupSnapshotMs?: number;
  readonly volumes: readonly { readonly name: string; readonly volumeId: string; readonly sizeGiB: number; readonly device: string; readonly incremental: boolean; readonly chain: readonly string[] }[];
  readonly images?: readonly { readonly serverName: string; readonly serverId: string; readonly imageId: string; readonly sizeBytes: number; readonly diskFormat: string }[];
  readonly manifest?: { readonly imageId: string; readonly sha256: string };
  readonly jobId?: string;
  readonly error?: { readonly code: string; readonly message: string };
}

export interface Advice {
  readonly group: string;
  readonly site: string;
  readonly recoverySite: string;
  readonly recommended?: string;
  readonly methods: readonly {
    readonly method: string;
    readonly current: boolean;
    readonly usable: boolean;
    readonly consistency?: string;
    readonly reasons: readonly Finding[];
    readonly expected: { readonly points: number; readonly freezeWindowMs?: number; readonly protectSeconds?: number; readonly rpoSeconds?: number; readonly rtoSeconds?: number; readonly imageBytes?: number };
  }[];
}

export interface Report {
  readonly ok: boolean;
  readonly group: string;
  readonly findings: readonly Finding[];
  readonly warnings: readonly Finding[];
  readonly plan: readonly string[];
}

export interface JobError {
  readonly code: string;
  readonly message: string;
  readonly kind: string;
  readonly details?: unknown;
}

export interface Progress {
  readonly phase: string;
  readonly item?: string;
  readonly done?: number;
  readonly total?: number;
  readonly unit?: string;
  readonly message?: string;
}

export interface JobStep {
  readonly name: string;
  readonly state: string;
  readonly attempts: number;
  readonly startedAt: string;
  readonly endedAt?: string;
  readonly error?: JobError;
}

export interface JobSummary {
  readonly id: string;
  readonly workflow: string;
  readonly state: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly error?: JobError;
  readonly createdAt: string;
  readonly startedAt?: string;
  readonly endedAt?: string;
}

export interface Job extends JobSummary {
  readonly result?: unknown;
  readonly progress: readonly Progress[];
  readonly steps: readonly JobStep[];
}

export interface JobEvent {
  readonly seq: number;
  readonly jobId: string;
  readonly at: string;
  readonly type: 'state' | 'step' | 'progress' | 'log';
  readonly step?: string;
  readonly data: unknown;
}

export interface VerifyResult {
  readonly point: string;
  readonly ok: boolean;
  readonly restored: boolean;
  readonly findings: readonly Finding[];
}

export interface RebuildResult {
  readonly site: string;
  readonly groups: readonly string[];
  readonly points: readonly string[];
  readonly findings: readonly Finding[];
}

export interface QuiesceResult {
  readonly server: string;
  readonly site: string;
  readonly frozen: boolean;
  readonly elapsedMs: number;
  readonly thawsAt?: string;
}

export interface Agent {
  readonly id: string;
  readonly name: string;
  readonly site: string;
  readonly role: string;
  readonly state: string;
  readonly connected: boolean;
  readonly controllers: readonly string[];
  readonly enrolledAt: string;
  readonly certificateExpiresAt: string;
  readonly lastSeen?: string;
  readonly skewMs?: number;
  readonly report?: { readonly agentVersion: string; readonly rssBytes: number; readonly [role: string]: unknown };
}

export interface AgentToken {
  readonly token: string;
  readonly name: string;
  readonly site: string;
  readonly role: string;
  readonly expiresAt: string;
}

export interface JobRef {
  readonly jobId: string;
}

export const ended: ReadonlySet<string> = new Set(['succeeded', 'failed', 'cancelled']);
