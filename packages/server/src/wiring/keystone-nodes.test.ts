import { describe, expect, it } from 'vitest';
import { fakeAgent, FakeAgents } from '../../test/fake-agents.ts';
import { keystoneNodes } from './keystone-nodes.ts';

const none = new AbortController().signal;
const keystone = { repositories: [], database: { role: 'replica' as const, problems: [] }, diskFreeBytes: 7, ready: { ok: true, reasons: [] } };
const report = { at: '2026-01-02T03:04:09.000Z', agentVersion: '0.1.0', uptimeSeconds: 1, rssBytes: 1, keystone };
const seen = new Date('2026-01-02T03:04:05.000Z');

class Answering extends FakeAgents {
  readonly called: unknown[] = [];
  answer: unknown = keystone;
  override call(agent?: unknown, command?: unknown, args?: unknown): never {
    this.called.push([agent, (command as { name: string }).name, args]);
    return Promise.resolve(this.answer) as never;
  }
}

describe('Keystone nodes by their agents', () => {
  it('are those that are not revoked, with the controller’s time and the node’s own', async () => {
    const hub = new Answering();
    hub.agents.set('k1', fakeAgent('k1', { lastSeen: seen, skewMs: 4_000, report }));
    hub.agents.set('k2', fakeAgent('k2', { state: 'revoked', connected: false }));
    hub.agents.set('k3', fakeAgent('k3', { connected: false }));
    expect(await keystoneNodes(hub).list()).toEqual([
      { name: 'k1', site: 'site1', connected: true, lastSeen: seen.toISOString(), report: { at: seen.toISOString(), clock: report.at, agentVersion: '0.1.0', ...keystone } },
      { name: 'k3', site: 'site1', connected: false },
    ]);
  });

  it('a fresh report has the clock’s difference that was last seen', async () => {
    const hub = new Answering();
    hub.agents.set('k1', fakeAgent('k1', { lastSeen: seen, skewMs: -2_000, report }));
    const now = new Date('2026-01-02T04:00:00.000Z');
    expect(await keystoneNodes(hub, () => now).report('k1', none)).toMatchObject({ at: now.toISOString(), clock: '2026-01-02T03:59:58.000Z', diskFreeBytes: 7 });
  });

  it('are told what is asked, word for word', async () => {
    const hub = new Answering();
    const nodes = keystoneNodes(hub);
    await nodes.applyKeys('k1', { kind: 'fernet', generation: 2, keys: { 0: 'x' }, drop: ['h'] }, none);
    await nodes.repoint('k1', { host: 'm2', port: 3306 }, none);
    await nodes.seed('k1', { host: 'm2', port: 3306 }, { force: true }, none);
    await nodes.hold('k1', 'left out', none);
    await nodes.migrateCredentials('k1', none);
    expect(hub.called).toEqual([
      ['k1', 'keystone.apply-keys', { kind: 'fernet', generation: 2, keys: { 0: 'x' }, drop: ['h'] }],
      ['k1', 'keystone.repoint', { source: { host: 'm2', port: 3306 } }],
      ['k1', 'keystone.seed', { source: { host: 'm2', port: 3306 }, force: true }],
      ['k1', 'keystone.hold', { reason: 'left out' }],
      ['k1', 'keystone.migrate-credentials', {}],
    ]);
  });
});
