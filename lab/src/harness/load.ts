import type { Lab } from '../index.ts';
import { login, loginOf, nodeAddress, nodesOf, validate, type KeystoneAddress } from './keystone.ts';

export interface LoadStats {
  readonly validations: number;
  readonly logins: number;
  readonly seconds: number;
  readonly byNode: Readonly<Record<string, number>>;
  /** Every answer but 200 to a valid token, and every login that failed; at most the first hundred. */
  readonly refused: readonly { readonly at: string; readonly node: string; readonly what: string; readonly issuer: string; readonly ageS: number }[];
  /** The oldest token that was tried, seconds. */
  readonly oldestS: number;
}

export interface Load {
  stats(): LoadStats;
  stop(): Promise<LoadStats>;
}

interface Issued {
  readonly token: string;
  readonly issuer: string;
  readonly at: number;
}

export interface LoadOptions {
  readonly nodes?: readonly KeystoneAddress[];
  /** Seconds that tokens live; they are tried until shortly before their end. */
  readonly lifeS: number;
  readonly perNode?: number;
}

/**
 * Validates without a pause at every Keystone, past HAProxy, tokens of all ages that all the others have issued; and logs in at each by turns. Each
 * request has two tokens validated by that Keystone, itself: whose who asks (401 if it is refused) and the one asked about (404). They are two
 * different ones, so a 200 counts as two validations.
 */
export function startLoad(lab: Lab, { nodes = nodesOf(lab).map(nodeAddress), lifeS, perNode = 1 }: LoadOptions): Load {
  const who = loginOf(lab, 's3');
  let pool: Issued[] = [];
  const byNode: Record<string, number> = Object.fromEntries(nodes.map((n) => [n.name, 0]));
  const refused: LoadStats['refused'][number][] = [];
  let logins = 0;
  let oldestS = 0;
  let over = false;
  let turns = 0;
  const begun = Date.now();
  const refuse = (node: string, what: string, issued?: Issued): void => {
    if (refused.length < 100) refused.push({ at: new Date().toISOString(), node, what, issuer: issued?.issuer ?? '', ageS: issued === undefined ? 0 : Math.round((Date.now() - issued.at) / 1_000) });
  };
  const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

  async function issue(): Promise<void> {
    for (let turn = 0; !over; turn += 1) {
      const node = nodes[turn % nodes.length];
      if (!node) return;
      try {
        const at = Date.now();
        const token = await login(node, who);
        logins += 1;
        pool = [...pool.filter((t) => Date.now() - t.at < (lifeS - 10) * 1_000), { token, issuer: node.name, at }];
      } catch (error) {
        refuse(node.name, `login: ${(error as Error).message}`);
      }
      await pause(500);
    }
  }

  async function check(node: KeystoneAddress): Promise<void> {
    while (!over) {
      // The newest, the oldest and whatever, in pairs by turns: a key that came or went too early is met by one of them.
      const fit = pool.filter((t) => Date.now() - t.at < (lifeS - 5) * 1_000);
      const some = fit[Math.floor(Math.random() * fit.length)];
      const [asker, subject] = ([[fit.at(-1), fit[0]], [fit[0], some], [some, fit.at(-1)]] as const)[(turns += 1) % 3] ?? [];
      if (!asker || !subject || asker === subject) {
        await pause(100);
        continue;
      }
      oldestS = Math.max(oldestS, ...[asker, subject].map((t) => (Date.now() - t.at) / 1_000));
      try {
        const status = await validate(node, subject.token, asker.token);
        if (status === 200) byNode[node.name] = (byNode[node.name] ?? 0) + 2;
        else refuse(node.name, `HTTP ${status}`, status === 401 ? asker : subject);
      } catch (error) {
        refuse(node.name, (error as Error).message, subject);
      }
      await pause(5);
    }
  }

  const running = [issue(), ...nodes.flatMap((n) => Array.from({ length: perNode }, () => check(n)))];
  const stats = (): LoadStats => ({
    validations: Object.values(byNode).reduce((a, b) => a + b, 0), logins, seconds: (Date.now() - begun) / 1_000, byNode: { ...byNode }, refused: [...refused], oldestS: Math.round(oldestS),
  });
  return {
    stats,
    async stop() {
      over = true;
      await Promise.all(running);
      return stats();
    },
  };
}
