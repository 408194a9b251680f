import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { messageName, type Covered } from '../src/covered.ts';
import { usedApis, type UsedApis } from '../src/used.ts';

const root = join(fileURLToPath(import.meta.url), '..', '..', '..');

/** Whose requests must be covered: all that runs beside sites, and what is proved and shown on emulated ones. */
const isOurs = (file: string): boolean => /^(packages\/(?!openstack\/|oslo-messaging\/|emulator\/|workflow\/)[^/]+|proof|quickstart)\/src\//.test(file);

/** Messages that the suite sends to be refused: nothing of Godwit sends them. */
const wrongMessages = new Set([messageName('nova', 'compute', 'unquiesce_instance', '6.9'), messageName('nova', 'compute', 'unquiesce_instance', '7.0'), messageName('nova', 'compute', 'dance', '6.0'), messageName('cinder', 'compute', 'unquiesce_instance', '6.0')]);
/** Of the RPC client, not of a site. */
const ownAffairs = new Set(['close', 'connected']);

/** Last, when everything has been asked. */
export function gaps(covered: Covered): void {
  describe('nothing is asked of a site that this suite does not ask', () => {
    let used: UsedApis;
    beforeAll(() => {
      used = usedApis(root, isOurs);
    });

    it('the code says what it asks', () => {
      expect(used.unclear).toEqual([]);
      // Of a reading that finds nothing every other test here would be content.
      expect(new Set(used.uses.map((u) => u.api)).size).toBeGreaterThan(40);
    });

    it('every call of the client, with every field that the code can send', () => {
      const missing = used.uses.flatMap(({ api, keys, at }) => {
        const seen = covered.calls.get(api);
        if (!seen) return [`${api} (${at})`];
        return keys.filter((key) => !seen.has(key)).map((key) => `${api}: ${key} (${at})`);
      });
      expect([...new Set(missing)].sort()).toEqual([]);
    });

    it('every RPC message, in its version', () => {
      expect(used.messages.length).toBeGreaterThan(0);
      expect(used.messages.filter((m) => !covered.messages.has(m.name)).map((m) => `${m.name} (${m.at})`)).toEqual([]);
      const known = new Set(used.messages.map((m) => m.name));
      expect([...covered.messages].filter((name) => !known.has(name) && !wrongMessages.has(name)), 'held to a message that the code does not send any more').toEqual([]);
    });

    it('everything that the code does with a broker', () => {
      expect(used.rpc.filter((use) => !ownAffairs.has(use.name) && !covered.rpc.has(use.name)).map((use) => `${use.name} (${use.at})`)).toEqual([]);
    });
  });
}
