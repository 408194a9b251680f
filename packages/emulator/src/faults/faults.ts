import type { Random } from '../core/random.ts';
import { EmulatorError } from '../errors.ts';
import { type Fault, type FaultInput, faultKinds, faultSchema } from './schema.ts';

/** A fault that is in force. */
export interface InjectedFault {
  readonly id: number;
  readonly fault: Fault;
  /** How often it has hit. */
  readonly hits: number;
  /** Ends it; what it held up breaks, what it took down comes back. */
  lift(): void;
}

interface Entry {
  readonly id: number;
  readonly fault: Fault;
  readonly path: RegExp | undefined;
  readonly rpc: RegExp | undefined;
  readonly routingKey: RegExp | undefined;
  seen: number;
  hits: number;
  /** Called when it is lifted. */
  readonly held: Set<() => void>;
}

type Of<K extends Fault['kind']> = Extract<Fault, { kind: K }>;
export type RequestFault = Of<'latency' | 'error' | 'hang' | 'reset' | 'lost-answer' | 'hung-answer'>;
export type MessageFault = Of<'lose-message' | 'double-message' | 'delay-message'>;
const requestKinds: ReadonlySet<string> = new Set<RequestFault['kind']>(['latency', 'error', 'hang', 'reset', 'lost-answer', 'hung-answer']);
const messageKinds: ReadonlySet<string> = new Set<MessageFault['kind']>(['lose-message', 'double-message', 'delay-message']);

/** What a fault does to a request or message that it hits; `until` runs its argument when the fault is lifted. */
export interface Hit<F extends Fault> {
  readonly fault: F;
  until(lifted: () => void): void;
}

export interface FaultsDeps {
  readonly random: Random;
  readonly siteNames: () => readonly string[];
  /** A fault of a site's own began or ended: death, broker, storage, clock, guests. */
  readonly apply: (fault: Fault, begins: boolean) => void;
}

/** All faults of a world. Which request they hit follows from the seed and the order of the requests alone. */
export class Faults {
  readonly #deps: FaultsDeps;
  readonly #entries = new Map<number, Entry>();
  #last = 0;
  /** So that the usual request, without any fault, asks one number. */
  #requestFaults = 0;
  #messageFaults = 0;

  constructor(deps: FaultsDeps) {
    this.#deps = deps;
  }

  /** @throws EmulatorError EMU_FAULT in one sentence */
  inject(input: FaultInput): InjectedFault {
    const fault = parseFault(input);
    for (const name of namedSites(fault)) {
      if (!this.#deps.siteNames().includes(name)) throw new EmulatorError('EMU_FAULT', `fault ${fault.kind}: there is no site ${name}; sites: ${this.#deps.siteNames().slice(0, 10).join(', ')}`);
    }
    this.#last += 1;
    const entry: Entry = { id: this.#last, fault, path: pattern(fault, 'path'), rpc: pattern(fault, 'rpc'), routingKey: pattern(fault, 'routingKey'), seen: 0, hits: 0, held: new Set() };
    this.#entries.set(entry.id, entry);
    this.#count(fault, 1);
    this.#deps.apply(fault, true);
    return this.#handle(entry);
  }

  list(): readonly InjectedFault[] {
    return [...this.#entries.values()].map((e) => this.#handle(e));
  }

  lift(id: number): boolean {
    const entry = this.#entries.get(id);
    if (!entry) return false;
    this.#entries.delete(id);
    this.#count(entry.fault, -1);
    for (const lifted of entry.held) lifted();
    this.#deps.apply(entry.fault, false);
    return true;
  }

  liftAll(): void {
    for (const id of [...this.#entries.keys()]) this.lift(id);
  }

  /** What hits this request, in the order in which the faults were injected. */
  onRequest(site: string, service: string, method: string, path: string, globalRequestId?: string): readonly Hit<RequestFault>[] {
    if (this.#requestFaults === 0) return [];
    const hits: Hit<RequestFault>[] = [];
    for (const entry of this.#entries.values()) {
      if (!requestKinds.has(entry.fault.kind)) continue;
      const fault = entry.fault as RequestFault;
      if (fits(fault.site, site) && fits(fault.service, service) && fits(fault.method, method) && fits(fault.globalRequestId, globalRequestId) && (!entry.path || entry.path.test(path)) && this.#strikes(entry, fault)) hits.push(this.#hit(entry, fault));
    }
    return hits;
  }

  /** Whether any fault is about messages. */
  get anyMessage(): boolean {
    return this.#messageFaults > 0;
  }

  onMessage(site: string, routingKey: string, rpc: string | undefined): readonly Hit<MessageFault>[] {
    const hits: Hit<MessageFault>[] = [];
    for (const entry of this.#entries.values()) {
      if (!messageKinds.has(entry.fault.kind)) continue;
      const fault = entry.fault as MessageFault;
      if (!fits(fault.site, site) || (entry.routingKey && !entry.routingKey.test(routingKey)) || (entry.rpc && !(rpc !== undefined && entry.rpc.test(rpc)))) continue;
      if (this.#strikes(entry, fault)) hits.push(this.#hit(entry, fault));
    }
    return hits;
  }

  /** Message of the fault that makes this work fail. */
  failing(site: string, work: string, resource?: string): string | undefined {
    for (const entry of this.#entries.values()) {
      const { fault } = entry;
      if (fault.kind === 'failure' && fault.work === work && fits(fault.site, site) && fits(fault.resource, resource) && this.#strikes(entry, fault)) return fault.message ?? `injected failure of ${work}`;
    }
    return undefined;
  }

  cut(a: string, b: string): boolean {
    if (this.#entries.size === 0 || a === b) return false;
    for (const { fault } of this.#entries.values()) if (fault.kind === 'cut' && fault.between.includes(a) && fault.between.includes(b)) return true;
    return false;
  }

  /** How connections of this site end now: undefined, it is not down. */
  down(site: string): 'reset' | 'hang' | undefined {
    if (this.#entries.size === 0) return undefined;
    for (const { fault } of this.#entries.values()) if (fault.kind === 'site-down' && fault.site === site) return fault.how;
    return undefined;
  }

  /** What lies between the controller and a site just now. */
  obstacle(site: string): { readonly how: 'cut' | 'reset' | 'hang'; until(lifted: () => void): void } | undefined {
    if (this.#entries.size === 0) return undefined;
    for (const entry of this.#entries.values()) {
      const { fault } = entry;
      const until = (lifted: () => void): void => void entry.held.add(lifted);
      if (fault.kind === 'cut' && fault.between.includes('controller') && fault.between.includes(site)) return { how: 'cut', until };
      if (fault.kind === 'site-down' && fault.site === site) return { how: fault.how, until };
    }
    return undefined;
  }

  #count({ kind }: Fault, by: number): void {
    if (requestKinds.has(kind)) this.#requestFaults += by;
    if (messageKinds.has(kind)) this.#messageFaults += by;
  }

  #strikes(entry: Entry, { skip, times, probability }: { skip: number; times?: number | undefined; probability: number }): boolean {
    entry.seen += 1;
    if (entry.seen <= skip || (times !== undefined && entry.hits >= times)) return false;
    if (probability < 1 && !this.#deps.random.chance(probability)) return false;
    entry.hits += 1;
    return true;
  }

  #hit<F extends Fault>(entry: Entry, fault: F): Hit<F> {
    return { fault, until: (lifted) => void entry.held.add(lifted) };
  }

  #handle(entry: Entry): InjectedFault {
    return {
      id: entry.id,
      fault: entry.fault,
      get hits() {
        return entry.hits;
      },
      lift: () => void this.lift(entry.id),
    };
  }
}

const fits = (wanted: string | undefined, is: string | undefined): boolean => wanted === undefined || wanted === is;

function parseFault(input: unknown): Fault {
  const kind = (input as { kind?: unknown } | null)?.kind;
  if (!faultKinds.includes(kind as Fault['kind'])) throw new EmulatorError('EMU_FAULT', `there is no fault ${JSON.stringify(kind) ?? 'without a kind'}; faults: ${faultKinds.join(', ')}`);
  const result = faultSchema.safeParse(input);
  if (!result.success) throw new EmulatorError('EMU_FAULT', `fault ${String(kind)}: ${result.error.issues.map((i) => `${i.path.join('.') || 'fault'}: ${i.message}`).join('; ')}`);
  return result.data;
}

function namedSites(fault: Fault): string[] {
  if (fault.kind === 'cut') return fault.between.filter((name) => name !== 'controller');
  return fault.site === undefined ? [] : [fault.site];
}

function pattern(fault: Fault, field: 'path' | 'rpc' | 'routingKey'): RegExp | undefined {
  const text = (fault as unknown as Record<string, unknown>)[field];
  if (typeof text !== 'string') return undefined;
  try {
    return new RegExp(text);
  } catch (cause) {
    throw new EmulatorError('EMU_FAULT', `fault ${fault.kind}: ${field}: ${(cause as Error).message}`, { cause });
  }
}
