import type { IdentityService, Matrix, StarReport, StarStatus } from '@godwit/identity';
import { GodwitError } from '@godwit/sites';

const at = '2026-01-02T03:04:05.000Z';
const cell = (from: string, to: string, ok: boolean) => ({
  from, to, ok, at, latencyMs: 12.4, validations: 10, refusals: ok ? 0 : 1, targets: [{ target: 'address', ok, latencyMs: 12.4, ...(!ok && { code: 'GW_TOKEN_REFUSED', message: 'address of s3 does not accept the token' }) }],
});

/** A star of which tests say how it is. */
export class FakeIdentity implements IdentityService {
  readonly calls: unknown[][] = [];
  readonly #submit: (kind: string, labels: Record<string, string>) => string;
  ok = true;
  findings: StarReport['findings'] = [];
  failure: GodwitError | undefined;

  constructor(submit: (kind: string, labels: Record<string, string>) => string) {
    this.#submit = submit;
  }

  matrix(): Matrix {
    return { cells: [cell('m1', 's3', this.ok), cell('s3', 'm1', true)], revocation: { at, from: 'm1', refusedAfterMs: { m1: 30, s3: this.ok ? 80 : null } } };
  }

  status(): Promise<StarStatus> {
    return this.#done('status', {
      ok: this.ok,
      keys: [{ kind: 'fernet' as const, generation: 7, phase: 'pruned' as const, proven: this.ok, keys: [{ index: 3, role: 'primary' as const, sha256: 'aa' }], rotatedAt: at, nextRotation: '2026-01-03T03:04:05.000Z' }],
      sites: [{ name: 'm1', role: 'master' as const, state: 'member' as const, url: 'http://m1/v3', nodes: [{
        name: 'm1-k1', site: 'm1', address: 'm1:5000', connected: true, lastSeen: at, ready: true, reasons: [], keys: { fernet: { generation: 7, inPlace: true, text: '' } }, clockSkewMs: 3, diskFreeBytes: 1e9,
        database: { role: 'member' as const, state: 'Synced', gtid: '10-1-42', detour: false },
      }] }],
      conditions: [{ scope: 'node s3-k1', type: 'Connected', status: this.ok ? ('True' as const) : ('False' as const), reason: 'AgentAway', message: 'its agent is not connected', since: at }],
      probe: this.matrix(),
    });
  }

  adopt = (options: { node?: string }) => this.#job('adopt', options);
  rotate = (kind: string) => this.#job('rotate', kind);
  rotatePreflight = (kind: string) => this.#report('rotate', `${kind} keys`);
  restore = (node: string) => this.#job('restore', node);
  repoint = (node: string, options: { to?: string; seed: boolean }) => this.#job('repoint', node, options);
  join = (site: string) => this.#job('join', this.#known(site));
  joinPreflight = (site: string) => this.#report('join', `site ${site}`);
  leave = (site: string, options: { lost: boolean }) => this.#job('leave', site, options);
  leavePreflight = (site: string) => this.#report('leave', `site ${site}`);
  probe = (): Promise<Matrix> => this.#done('probe', this.matrix());
  probeRevocation = (from: string) => this.#done('revocation', { ...(this.matrix().revocation ?? { at, refusedAfterMs: {} }), from });
  render = (site: string, what: string): Promise<string> => this.#done('render', `# ${what} of ${site}\n`);
  check = (site: string) => this.#done('check', { site, ok: this.ok, checks: [{ check: 'policy', ok: true, message: '5 >= 5' }, ...(this.ok ? [] : [{ check: 'writes', ok: false, code: 'GW_WRITE_ASTRAY', message: 'astray', action: 'look' }])] });
  start(): void {}
  close = (): Promise<void> => Promise.resolve();

  #known(site: string): string {
    if (site !== 'mars') return site;
    throw new GodwitError('GW_STAR_SITE_UNKNOWN', 'terminal', 'site mars is not in the star', { site });
  }

  #report(what: string, subject: string): Promise<StarReport> {
    return this.#done(`${what} preflight`, { ok: this.findings.length === 0, subject, findings: this.findings, plan: ['stage a new key', 'make it the primary'] });
  }

  async #job(what: string, ...args: unknown[]): Promise<{ jobId: string }> {
    return { jobId: await this.#done([what, ...args], this.#submit(`identity-${what}`, { identity: what })) };
  }

  #done<T>(call: string | unknown[], answer: T): Promise<T> {
    this.calls.push(Array.isArray(call) ? call : [call]);
    return this.failure ? Promise.reject(this.failure) : Promise.resolve(answer);
  }
}
