import type { FaultInput } from '@godwit/emulator';
import fc from 'fast-check';

export interface GroupPlan {
  /** In the order in which they are frozen and booted; with so many volumes, or none and a root disk of its hypervisor. */
  readonly members: readonly { readonly volumes: 0 | 1 | 2 }[];
  readonly policy: { readonly method: 'group-snapshot' | 'server-image'; readonly freezeLimitSeconds: number; readonly retain: number; readonly fullEvery: number };
}

/** A fault of the requests of one job, from its beginning. */
export interface OwnFault {
  readonly fault: FaultInput;
  readonly forMs: number;
}

/** What is asked for a group, and what befalls its jobs alone. */
export type Act =
  | { readonly act: 'protect'; readonly troubled: readonly OwnFault[] }
  /** `vouch`: if its site is dead just then, the person says so. */
  | { readonly act: 'recover'; readonly vouch: boolean; readonly troubled: readonly OwnFault[] }
  | { readonly act: 'verify'; readonly troubled: readonly OwnFault[] }
  | { readonly act: 'cancel' }
  | { readonly act: 'purge'; readonly troubled: readonly OwnFault[] }
  | { readonly act: 'wait' }
  | { readonly act: 'change policy'; readonly policy: { readonly retain: number; readonly fullEvery: number } }
  /** Of requests of the job that was asked for last. */
  | { readonly act: 'fault'; readonly fault: FaultInput; readonly forMs: number }
  | { readonly act: 'guest agent'; readonly how: 'absent' | 'hung'; readonly forMs: number };

/** A group, and what is done with it. */
export interface Schedule {
  readonly group: GroupPlan;
  readonly acts: readonly (Act & { readonly afterMs: number })[];
  /** Before anything befalls: or there would be nothing to recover in the midst of it. */
  readonly protectedBefore: boolean;
  /** When all is well again, it is protected once more, not only recovered and purged. */
  readonly protectedAgain: boolean;
}

/** What befalls sites and controllers, and so every group that is in the same world. */
export type Trouble =
  | { readonly act: 'fault'; readonly fault: FaultInput; readonly forMs: number }
  | { readonly act: 'quota'; readonly site: string; readonly what: 'servers' | 'volumes'; readonly forMs: number }
  | { readonly act: 'kill a controller'; readonly comesBackAfterMs: number }
  | { readonly act: 'stop a controller' }
  | { readonly act: 'cut the database' };

export type Troubles = readonly (Trouble & { readonly afterMs: number })[];

const site = fc.constantFrom('site1', 'site2');
const service = fc.constantFrom('compute', 'volume', 'image', 'network', 'identity');
const times = (max: number): fc.Arbitrary<number> => fc.integer({ min: 1, max });
const forMs = fc.integer({ min: 50, max: 1_500 });

/** Trouble that requests may have. */
const ofRequests = (chance: fc.Arbitrary<number>): fc.Arbitrary<FaultInput> => fc.oneof(
  fc.record({ kind: fc.constant('latency' as const), site, ms: fc.integer({ min: 1, max: 80 }), probability: chance }),
  fc.record({ kind: fc.constant('error' as const), site, service, status: fc.constantFrom(500, 503, 504, 409, 413, 429), probability: chance }),
  fc.record({ kind: fc.constant('error' as const), site, service, status: fc.constantFrom(500, 503, 403, 404), method: fc.constantFrom('POST' as const, 'DELETE' as const, 'GET' as const), times: times(3), skip: fc.integer({ min: 0, max: 12 }) }),
  fc.record({ kind: fc.constant('reset' as const), site, service, probability: chance }),
  fc.record({ kind: fc.constant('reset' as const), site, service, times: times(2), skip: fc.integer({ min: 0, max: 12 }) }),
  fc.record({ kind: fc.constant('lost-answer' as const), site, service, method: fc.constantFrom('POST' as const, 'DELETE' as const, 'PUT' as const), times: times(3), skip: fc.integer({ min: 0, max: 6 }) }),
  fc.record({ kind: fc.constantFrom('hang' as const, 'hung-answer' as const), site, service, times: times(2), skip: fc.integer({ min: 0, max: 12 }) }),
);

/** Every kind of trouble that an emulated site knows, as it might come. */
const ofSites: fc.Arbitrary<FaultInput> = fc.oneof(
  { weight: 3, arbitrary: ofRequests(fc.constantFrom(0.02, 0.05, 0.2)) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('failure' as const), site, work: fc.constantFrom('spawn', 'volume-create', 'snapshot', 'group-snapshot', 'backup', 'restore', 'backup-import', 'volume-delete', 'backup-delete', 'stop', 'image'), times: times(4) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('lose-message' as const, 'double-message' as const), site, rpc: fc.constantFrom('^quiesce_instance$', '^unquiesce_instance$'), times: times(4) }) },
  fc.record({ kind: fc.constant('delay-message' as const), site, ms: fc.integer({ min: 10, max: 1_500 }), times: times(4) }),
  fc.record({ kind: fc.constant('site-down' as const), site, how: fc.constantFrom('reset' as const, 'hang' as const) }),
  fc.record({ kind: fc.constant('broker-down' as const), site }),
  fc.record({ kind: fc.constant('daemon-down' as const), site, daemon: fc.constantFrom('cinder-backup', 'cinder-volume', 'nova-compute') }),
  fc.record({ kind: fc.constant('storage-full' as const), site }),
  site.map((name) => ({ kind: 'cut' as const, between: ['controller', name] as [string, string] })),
  fc.record({ kind: fc.constant('clock-skew' as const), site, ms: fc.integer({ min: -60_000, max: 60_000 }) }),
);

const fewPoints = { retain: fc.integer({ min: 1, max: 3 }), fullEvery: fc.integer({ min: 1, max: 3 }) };

const troubled: fc.Arbitrary<OwnFault[]> = fc.array(fc.record({ fault: ofRequests(fc.constantFrom(0.05, 0.2, 0.5)), forMs: fc.integer({ min: 300, max: 4_000 }) }), { maxLength: 2 });

const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ act: fc.constant('protect' as const), troubled }) },
  { weight: 4, arbitrary: fc.record({ act: fc.constant('recover' as const), vouch: fc.boolean(), troubled }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('verify' as const), troubled }) },
  { weight: 2, arbitrary: fc.constant({ act: 'cancel' as const }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('purge' as const), troubled }) },
  { weight: 2, arbitrary: fc.constant({ act: 'wait' as const }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('change policy' as const), policy: fc.record(fewPoints) }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('fault' as const), fault: ofRequests(fc.constantFrom(0.05, 0.2, 0.5)), forMs }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('guest agent' as const), how: fc.constantFrom('absent' as const, 'hung' as const), forMs }) },
);

const group: fc.Arbitrary<GroupPlan> = fc.oneof({ weight: 5, arbitrary: fc.constant('group-snapshot' as const) }, { weight: 1, arbitrary: fc.constant('server-image' as const) }).chain((method) =>
  fc.record({
    // Of a member without volumes only an image can be made.
    members: fc.array(fc.record({ volumes: method === 'server-image' ? fc.constantFrom(0 as const, 1 as const, 2 as const) : fc.constantFrom(1 as const, 2 as const) }), { minLength: 1, maxLength: 4 }),
    policy: fc.record({ method: fc.constant(method), freezeLimitSeconds: fc.constantFrom(20, 30, 60), ...fewPoints }),
  }));

const paused = <T extends object>(of: fc.Arbitrary<T>, maxMs: number): fc.Arbitrary<T & { readonly afterMs: number }> => fc.tuple(of, fc.integer({ min: 0, max: maxMs })).map(([one, afterMs]) => ({ ...one, afterMs }));

const schedules: fc.Arbitrary<Schedule> = fc.record({
  group,
  // One protection at least, or there would be nothing to lose.
  acts: fc.array(paused(act, 900), { minLength: 3, maxLength: 9 }).map((acts) => [{ act: 'protect' as const, troubled: [], afterMs: 0 }, ...acts]),
  protectedBefore: fc.integer({ min: 0, max: 4 }).map((n) => n > 0),
  protectedAgain: fc.boolean(),
});

const trouble: fc.Arbitrary<Trouble> = fc.oneof(
  { weight: 10, arbitrary: fc.record({ act: fc.constant('fault' as const), fault: ofSites, forMs }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('quota' as const), site, what: fc.constantFrom('servers' as const, 'volumes' as const), forMs }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('kill a controller' as const), comesBackAfterMs: fc.constantFrom(0, 300, 7_000) }) },
  { weight: 1, arbitrary: fc.constant({ act: 'stop a controller' as const }) },
  { weight: 1, arbitrary: fc.constant({ act: 'cut the database' as const }) },
);

function drawn<T>(from: fc.Arbitrary<T>, seed: number): T {
  const [one] = fc.sample(from, { seed, numRuns: 1 });
  if (one === undefined) throw new Error('nothing was drawn');
  return one;
}

/** The same for the same seed, on every machine. */
export const scheduleOf = (seed: number): Schedule => drawn(schedules, seed);

/** So many seeds have one world: its troubles befall them all. */
export const worldWidth = 25;
export const worldOf = (seed: number): number => Math.floor(seed / worldWidth);
export const troublesOf = (world: number): Troubles => drawn(fc.array(paused(trouble, 900), { minLength: 18, maxLength: 18 }), world);

const say = ({ act, afterMs, ...more }: { readonly act: string; readonly afterMs: number }): string => `      +${afterMs} ms ${act}${Object.keys(more).length > 0 ? ` ${JSON.stringify(more)}` : ''}`;

export function describe(seed: number): string {
  const { group: { members, policy }, acts, protectedAgain } = scheduleOf(seed);
  return [`    members with ${members.map((m) => m.volumes).join(', ')} volumes, ${JSON.stringify(policy)}${protectedAgain ? ', protected again in the end' : ''}`, ...acts.map(say), '    in a world with', ...troublesOf(worldOf(seed)).map(say)].join('\n');
}
