import type { AgentHub, AgentInfo, CreatedToken, TokenRequest } from '@godwit/agent-hub';
import { GodwitError } from '@godwit/sites';

const at = new Date('2026-01-02T03:04:05.000Z');

export function fakeAgent(name: string, extra: Partial<AgentInfo> = {}): AgentInfo {
  return { id: `id-${name}`, name, site: 'site1', role: 'keystone', state: 'active', connected: true, controllers: ['c1'], enrolledAt: at, certificateExpiresAt: at, ...extra };
}

/** Agents without connections: what the API and the command make of them. */
export class FakeAgents implements AgentHub {
  readonly port = 0;
  readonly agents = new Map<string, AgentInfo>();
  readonly asked: TokenRequest[] = [];

  createToken(request: TokenRequest): Promise<CreatedToken> {
    this.asked.push(request);
    const { name, site, role } = request;
    return Promise.resolve({ token: 'gwa1.secret.ca', name, site, role, expiresAt: at });
  }

  list({ site }: { site?: string } = {}): Promise<AgentInfo[]> {
    return Promise.resolve([...this.agents.values()].filter((a) => site === undefined || a.site === site));
  }

  get(name: string): Promise<AgentInfo> {
    const found = this.agents.get(name);
    return found ? Promise.resolve(found) : Promise.reject(new GodwitError('GW_AGENT_UNKNOWN', 'terminal', `there is no agent ${name}`));
  }

  async revoke(name: string): Promise<AgentInfo> {
    const revoked: AgentInfo = { ...(await this.get(name)), state: 'revoked', connected: false, controllers: [] };
    this.agents.set(name, revoked);
    return revoked;
  }

  async remove(name: string): Promise<void> {
    await this.get(name);
    this.agents.delete(name);
  }

  call(): never {
    throw new Error('no connections here');
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
