import type { Finding } from '../errors.ts';

/** What the server answers about the Keystone star, as far as it is shown. */

export interface StarNode {
  readonly name: string;
  readonly site: string;
  readonly connected: boolean;
  readonly ready?: boolean;
  readonly keys: Readonly<Record<string, { readonly generation: number; readonly inPlace: boolean; readonly text: string }>>;
  readonly clockSkewMs?: number;
  readonly diskFreeBytes?: number;
  readonly database?: { readonly state: string; readonly lagSeconds?: number; readonly gtid?: string; readonly source?: string; readonly detour: boolean };
}

export interface StarKeys {
  readonly kind: string;
  readonly generation: number;
  readonly phase: string;
  readonly proven: boolean;
  readonly keys: readonly { readonly index: number; readonly role: string; readonly sha256: string }[];
  readonly rotatedAt?: string;
  readonly nextRotation?: string;
  readonly jobId?: string;
}

export interface StarRevocation {
  readonly at: string;
  readonly from: string;
  readonly refusedAfterMs: Readonly<Record<string, number | null>>;
}

export interface StarMatrix {
  readonly cells: readonly {
    readonly from: string;
    readonly to: string;
    readonly ok: boolean;
    readonly latencyMs: number;
    readonly validations: number;
    readonly refusals: number;
    readonly targets: readonly { readonly target: string; readonly ok: boolean; readonly message?: string }[];
  }[];
  readonly revocation?: StarRevocation;
}

export interface StarCondition {
  readonly scope: string;
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly since: string;
}

export interface StarStatus {
  readonly ok: boolean;
  readonly keys: readonly StarKeys[];
  readonly sites: readonly { readonly name: string; readonly role: string; readonly state: string; readonly region?: string; readonly url: string; readonly nodes: readonly StarNode[] }[];
  readonly conditions: readonly StarCondition[];
  readonly probe: StarMatrix;
}

export interface StarReport {
  readonly ok: boolean;
  readonly subject: string;
  readonly findings: readonly Finding[];
  readonly plan: readonly string[];
}

export interface StarCheck {
  readonly site: string;
  readonly ok: boolean;
  readonly checks: readonly { readonly check: string; readonly ok: boolean; readonly code?: string; readonly message?: string; readonly action?: string }[];
}
