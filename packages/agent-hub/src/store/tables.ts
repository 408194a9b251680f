import type { AgentReport, RoleName } from '@godwit/agent';
import type { ColumnType, Generated } from 'kysely';

type Time = ColumnType<Date, Date, Date>;
type MaybeTime = ColumnType<Date | null, Date | null | undefined, Date | null>;

export interface Tables {
  godwit_agent_ca: { id: number; certificate: string; sealed_key: string };
  godwit_agents: {
    id: string;
    name: string;
    site: string;
    role: RoleName;
    revoked_at: MaybeTime;
    cert_sha256: string;
    previous_cert_sha256: string | null;
    cert_expires_at: Time;
    previous_cert_expires_at: MaybeTime;
    enrolled_at: Generated<Date>;
    enrolled_by: string;
  };
  godwit_agent_tokens: {
    hash: string;
    name: string;
    site: string;
    role: RoleName;
    created_by: string;
    created_at: Generated<Date>;
    expires_at: Time;
    used_at: MaybeTime;
    key_sha256: string | null;
    agent_id: string | null;
  };
  godwit_agent_controllers: { id: string; advertise: string | null; beat_at: Time };
  godwit_agent_presence: { agent_id: string; controller: string; since: Time };
  godwit_agent_reports: { agent_id: string; received_at: Time; skew_ms: number; report: ColumnType<AgentReport, string, string> };
  godwit_agent_changes: { id: number; n: ColumnType<string, number, number> };
}
