import type { FaultInput } from '@godwit/emulator';
import fc from 'fast-check';

/** The servers that there are at site1 at the beginning; groups are made of them. */
export const pool = [
  { name: 'vm1', volumes: 2 }, { name: 'vm2', volumes: 1 }, { name: 'vm3', volumes: 2 }, { name: 'vm4', volumes: 1 }, { name: 'vm5', volumes: 1 },
] as const;

export interface GroupPlan {
  readonly name: string;
  readonly members: readonly string[];
  readonly policy: { readonly freezeLimitSeconds: number; readonly retain: number; readonly fullEvery: number };
}

/** What is done, and what befalls; `group` is a place in the list of groups. */
export type Act =
  | { readonly act: 'protect'; readonly group: number }
  | { readonly act: 'recover'; readonly group: number; readonly sourceIsDown: boolean }
  | { readonly act: 'verify'; readonly group: number }
  | { readonly act: 'cancel' }
  | { readonly act: 'wait' }
  | { readonly act: 'fault'; readonly fault: FaultInput; readonly forMs: number }
  | { readonly act: 'kill the controller' }
  | { readonly act: 'stop the controller' }
  | { readonly act: 'cut the database' };

export interface Schedule {
  readonly groups: readonly GroupPlan[];
  readonly acts: readonly (Act & { readonly afterMs: number })[];
}

const site = fc.constantFrom('site1', 'site2');
const service = fc.constantFrom('compute', 'volume', 'image', 'network', 'identity');
const chance = fc.constantFrom(0.05, 0.2, 0.5);

/** Every kind of trouble that the emulated sites know, as it might come. */
const faults: fc.Arbitrary<FaultInput> = fc.oneof(
  fc.record({ kind: fc.constant('latency' as const), site, ms: fc.integer({ min: 1, max: 80 }), probability: chance }),
  fc.record({ kind: fc.constant('error' as const), site, service, status: fc.constantFrom(500, 503, 504, 409, 413, 429), probability: chance }),
  fc.record({ kind: fc.constant('error' as const), site, service, status: fc.constantFrom(500, 503, 403, 404), method: fc.constantFrom('POST' as const, 'DELETE' as const, 'GET' as const), times: fc.integer({ min: 1, max: 3 }), skip: fc.integer({ min: 0, max: 4 }) }),
  fc.record({ kind: fc.constant('reset' as const), site, service, probability: chance }),
  fc.record({ kind: fc.constant('lost-answer' as const), site, service, method: fc.constantFrom('POST' as const, 'DELETE' as const, 'PUT' as const), times: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ kind: fc.constantFrom('hang' as const, 'hung-answer' as const), site, service, times: fc.integer({ min: 1, max: 2 }) }),
  fc.record({ kind: fc.constant('failure' as const), site, work: fc.constantFrom('spawn', 'volume-create', 'snapshot', 'group-snapshot', 'backup', 'restore', 'backup-import', 'volume-delete', 'backup-delete', 'stop'), times: fc.integer({ min: 1, max: 2 }) }),
  fc.record({ kind: fc.constantFrom('lose-message' as const, 'double-message' as const), site, rpc: fc.constantFrom('^quiesce_instance$', '^unquiesce_instance$'), times: fc.integer({ min: 1, max: 2 }) }),
  fc.record({ kind: fc.constant('delay-message' as const), site, ms: fc.integer({ min: 10, max: 1_500 }), times: fc.integer({ min: 1, max: 2 }) }),
  fc.record({ kind: fc.constant('site-down' as const), site, how: fc.constantFrom('reset' as const, 'hang' as const) }),
  fc.record({ kind: fc.constant('broker-down' as const), site }),
  fc.record({ kind: fc.constant('daemon-down' as const), site, daemon: fc.constantFrom('cinder-backup', 'cinder-volume', 'nova-compute') }),
  fc.record({ kind: fc.constant('storage-full' as const), site }),
  site.map((name) => ({ kind: 'cut' as const, between: ['controller', name] as [string, string] })),
  fc.record({ kind: fc.constant('clock-skew' as const), site, ms: fc.integer({ min: -60_000, max: 60_000 }) }),
);

const acts = (groups: number): fc.Arbitrary<Act> => {
  const group = fc.nat({ max: groups - 1 });
  return fc.oneof(
    { weight: 6, arbitrary: fc.record({ act: fc.constant('protect' as const), group }) },
    { weight: 3, arbitrary: fc.record({ act: fc.constant('recover' as const), group, sourceIsDown: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }) }) },
    { weight: 1, arbitrary: fc.record({ act: fc.constant('verify' as const), group }) },
    { weight: 2, arbitrary: fc.constant({ act: 'cancel' as const }) },
    { weight: 2, arbitrary: fc.constant({ act: 'wait' as const }) },
    { weight: 8, arbitrary: fc.record({ act: fc.constant('fault' as const), fault: faults, forMs: fc.integer({ min: 30, max: 900 }) }) },
    { weight: 1, arbitrary: fc.constant({ act: 'kill the controller' as const }) },
    { weight: 1, arbitrary: fc.constant({ act: 'stop the controller' as const }) },
    { weight: 1, arbitrary: fc.constant({ act: 'cut the database' as const }) },
  );
};

/** Disjoint groups of servers of the pool, in any order. */
const groups: fc.Arbitrary<GroupPlan[]> = fc
  .tuple(fc.shuffledSubarray(pool.map((p) => p.name), { minLength: 2, maxLength: 5 }), fc.integer({ min: 1, max: 2 }), fc.array(fc.record({ freezeLimitSeconds: fc.constantFrom(20, 30, 60), retain: fc.integer({ min: 1, max: 3 }), fullEvery: fc.integer({ min: 1, max: 3 }) }), { minLength: 2, maxLength: 2 }))
  .map(([members, count, policies]) =>
    Array.from({ length: count }, (_, n) => ({
      name: `group${n + 1}`,
      members: members.filter((_m, i) => i % count === n),
      policy: policies[n] as GroupPlan['policy'],
    })),
  );

const schedules: fc.Arbitrary<Schedule> = groups.chain((made) =>
  fc.array(fc.tuple(acts(made.length), fc.integer({ min: 0, max: 250 })).map(([act, afterMs]) => ({ ...act, afterMs })), { minLength: 4, maxLength: 14 }).map((list) => ({ groups: made, acts: list })),
);

/** The same for the same seed, on every machine. */
export function scheduleOf(seed: number): Schedule {
  const [schedule] = fc.sample(schedules, { seed, numRuns: 1 });
  if (schedule === undefined) throw new Error('no schedule');
  // One protection at least, or there would be nothing to lose.
  return { ...schedule, acts: [{ act: 'protect', group: 0, afterMs: 0 }, ...schedule.acts] };
}

export function describe(schedule: Schedule): string {
  const say = (a: Schedule['acts'][number]): string => {
    const { act, afterMs, ...more } = a;
    return `  +${afterMs} ms ${act}${Object.keys(more).length > 0 ? ` ${JSON.stringify(more)}` : ''}`;
  };
  return [...schedule.groups.map((g) => `  group ${g.name}: ${g.members.join(', ')} ${JSON.stringify(g.policy)}`), ...schedule.acts.map(say)].join('\n');
}
