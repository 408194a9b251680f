import { type Cloud, type CloudConfig, OpenStackError } from '@godwit/openstack';
import type { FakeNode, FakeNodes } from './fake-nodes.ts';

interface Row {
  id: string;
  [field: string]: unknown;
}

let serial = 0;

/**
 * Keystones over the fake nodes: a token is its key and a number; a node accepts those of keys that it has. A site's address is its HAProxy: the
 * first node at home that may serve, a master for what writes. Replicas refuse writes as a read-only database makes them.
 */
export class FakeKeystones {
  readonly regions: Row[] = [];
  readonly endpoints: Row[] = [];
  readonly services: Row[] = [{ id: 'ks', type: 'identity' }];
  readonly writes: string[] = [];
  readonly #revoked = new Set<string>();
  readonly #nodes: FakeNodes;
  /** Hosts whose HAProxy is not there. */
  readonly noAddress = new Set<string>();
  /** A site's address leads all to its own nodes. */
  misrouted = false;

  constructor(nodes: FakeNodes) {
    this.#nodes = nodes;
  }

  cloud = (config: CloudConfig): Cloud => {
    const host = new URL(config.auth.authUrl).hostname.replace('.example', '');
    const serving = (writes: boolean): FakeNode => {
      const one = this.#nodes.nodes.get(host);
      if (one) {
        if (!one.on) throw unreachable(host);
        return one;
      }
      if (this.noAddress.has(host)) throw unreachable(host);
      const all = [...this.#nodes.nodes.values()].filter((n) => n.on && n.held === null);
      const node = writes && !this.misrouted ? all.find((n) => n.database.role === 'member') : (all.find((n) => n.site === host) ?? all.find((n) => n.database.role === 'member'));
      if (!node) throw unreachable(host);
      return node;
    };
    const write = (what: string): void => {
      const node = serving(true);
      if (node.database.role !== 'member') throw new OpenStackError({ code: 'OS_UNAVAILABLE', kind: 'retryable', message: `${node.name}: HTTP 500`, status: 500 });
      this.writes.push(`${what} at ${node.name}`);
    };
    const table = (rows: Row[], name: string) => ({
      list: async (query: Record<string, unknown> = {}) => {
        serving(false);
        await Promise.resolve();
        return rows.filter((r) => Object.entries(query).every(([k, v]) => r[k] === v)).map((r) => ({ ...r }));
      },
      create: async (body: Record<string, unknown>) => {
        await Promise.resolve();
        write(`create ${name}`);
        const row = { id: `${name}-${++serial}`, ...body } as Row;
        rows.push(row);
        return row;
      },
      update: async (id: string, body: Record<string, unknown>) => {
        await Promise.resolve();
        write(`update ${name}`);
        Object.assign(rows.find((r) => r.id === id) ?? {}, body);
      },
      delete: async (id: string) => {
        await Promise.resolve();
        write(`delete ${name}`);
        rows.splice(rows.findIndex((r) => r.id === id), 1);
      },
    });
    const issue = async (): Promise<{ id: string }> => {
      await Promise.resolve();
      return { id: `${serving(false).primary() ?? ''}:${++serial}` };
    };
    return {
      config,
      session: { issue, token: issue },
      identity: {
        validateToken: async (token: string) => {
          await Promise.resolve();
          return serving(false).accepts(token.split(':')[0] ?? '') && !this.#revoked.has(token) ? { userName: 'godwit' } : undefined;
        },
        revokeToken: async (token: string) => {
          await Promise.resolve();
          write('revoke');
          this.#revoked.add(token);
        },
        regions: table(this.regions, 'region'),
        endpoints: table(this.endpoints, 'endpoint'),
        services: table(this.services, 'service'),
      },
      close: () => Promise.resolve(),
    } as unknown as Cloud;
  };
}

const unreachable = (host: string): OpenStackError => new OpenStackError({ code: 'OS_UNREACHABLE', kind: 'retryable', message: `${host}: connection refused` });
