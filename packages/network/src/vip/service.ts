import { randomUUID } from 'node:crypto';
import { at, callerProject, GodwitError, projectKey, projectOf } from '@godwit/sites';
import type { Caller } from '../caller.ts';
import type { Deps } from '../deps.ts';
import { parseCidr, toNumber, within } from '../ipv4.ts';
import { RESERVED } from '../names.ts';
import type { Keeper } from '../reconcile/keeper.ts';
import type { NetworkRecord } from '../store/types.ts';
import { memberOf, moveVip, unknownVip } from './move.ts';
import { type Vip, type VipMember, type VipMoveInput, type VipMoveResult, type VipRequestInput, vipRequestSchema } from './schemas.ts';
import type { GroupPlace, VipRecord } from './types.ts';

/** Virtual IPs as the server offers them. */
export interface VipService {
  createVip(caller: Caller, request: VipRequestInput): Promise<Vip>;
  vips(caller: Caller): Promise<Vip[]>;
  /** @param watch answers when the epoch is another than `after`, or after `ms`: what a guest waits with */
  vip(caller: Caller, name: string, watch?: { readonly after: number; readonly ms: number; readonly signal: AbortSignal }): Promise<Vip>;
  moveVip(caller: Caller, name: string, to: VipMoveInput): Promise<VipMoveResult>;
  deleteVip(caller: Caller, name: string): Promise<void>;
}

export interface VipOptions {
  readonly keeper: Keeper;
  readonly findNetwork: (caller: Caller, name: string) => Promise<NetworkRecord>;
  readonly groups?: GroupPlace | undefined;
}

/** How soon a move that another controller made is seen by those who wait for one here. */
const LOOK_MS = 250;

export function createVips(deps: Deps, { keeper, findNetwork, groups }: VipOptions): VipService {
  const { store } = deps;
  const waiting = new Map<string, Set<() => void>>();
  const wake = (id: string): void => waiting.get(id)?.forEach((resolve) => resolve());
  const mine = async (caller: Caller): Promise<VipRecord[]> => {
    const all = await store.vips();
    return caller.admin ? all : all.filter((v) => v.project === projectKey(callerProject(caller)));
  };
  const find = async (caller: Caller, name: string): Promise<VipRecord> => {
    const own = caller.project ? projectKey(caller.project) : '';
    const found = (await mine(caller)).filter((v) => v.id === name || v.name === name).toSorted((a, b) => Number(b.project === own) - Number(a.project === own))[0];
    if (!found) throw unknownVip(name);
    return found;
  };
  const view = async (v: VipRecord): Promise<Vip> => {
    const { id, name, project, address, state, members, holder, epoch, movedAt, reason, group, automatic, findings } = v;
    return { id, name, network: (await store.get(v.network))?.name ?? '', project, address, state, members: [...members], holder, epoch, movedAt, reason, ...(group !== undefined && { group }), automatic, findings: [...findings] };
  };
  const turn = async (networkId: string): Promise<void> => {
    const record = await store.get(networkId);
    if (record?.state === 'Active') await keeper.now(record, AbortSignal.timeout(60_000));
  };
  const invalid = (message: string, action: string, site?: string): GodwitError => new GodwitError('GW_VIP_INVALID', 'terminal', message, { ...(site !== undefined && { site }), action });

  async function memberAt(record: NetworkRecord, { site: name, port: wanted }: { readonly site: string; readonly port: string }, address: string): Promise<VipMember> {
    const place = record.sites.find((s) => s.site === name);
    if (place?.networkId === undefined) throw invalid(`network ${record.name} is not stretched to ${name}`, `It is at ${record.sites.map((s) => s.site).join(', ')}.`, name);
    const ports = await at(name, () => deps.sites.get(name).asProject(projectOf(record.project)).network.ports.list({ network_id: place.networkId }));
    const holder = ports.find((p) => p.fixed_ips.some((f) => f.ip_address === address));
    if (holder) throw new GodwitError('GW_VIP_ADDRESS_TAKEN', 'terminal', `${name}: ${address} is the address of port ${holder.id}`, { site: name, resource: `port ${holder.id}`, action: 'Choose another address, or delete that port.' });
    const found = ports.filter((p) => (p.id === wanted || p.name === wanted) && !p.device_owner.startsWith('godwit:'));
    const [port] = found;
    if (!port || found.length > 1) throw invalid(`${name}: network ${record.name} has ${port ? `${found.length} ports` : 'no port'} ${wanted}`, 'Name one by its id.', name);
    return { site: name, port: port.id, name: port.name || port.id, mac: port.mac_address, ...(port['binding:host_id'] !== undefined && { host: port['binding:host_id'] }), active: port.status === 'ACTIVE' };
  }

  return {
    async createVip(caller, input) {
      const request = vipRequestSchema.parse(input);
      const record = await findNetwork(caller, request.network);
      if (record.state !== 'Active') throw invalid(`network ${record.name} is ${record.state}`, 'Wait until it is Active: godwit network list.');
      const range = parseCidr(record.cidr ?? '');
      const ip = toNumber(request.address);
      if (!range || !within({ first: range.first + 1, last: range.last - 1 }, ip)) throw invalid(`${request.address} is not an address of ${record.cidr ?? 'the network'}`, 'Choose one of its CIDR.');
      const gateway = record.sites.find((s) => s.gateway === request.address);
      if (gateway) throw invalid(`${request.address} is the gateway of ${gateway.site}`, 'Choose another address.', gateway.site);
      if (request.group !== undefined && groups && !(await groups(record.project, request.group))) throw invalid(`this project has no protection group ${request.group}`, 'godwit group list shows those there are.');
      const members: VipMember[] = [];
      for (const m of request.members) members.push(await memberAt(record, m, request.address));
      const [first] = members;
      if (!first || new Set(members.map((m) => m.port)).size < members.length) throw invalid('a port is named twice', 'Name each once.');
      const vip: VipRecord = {
        id: randomUUID(), network: record.id, project: record.project, name: request.name, address: request.address, state: 'Active', members, holder: { site: first.site, port: first.port }, epoch: 1,
        movedAt: deps.clock.now().toISOString(), reason: 'made', ...(request.group !== undefined && { group: request.group }), automatic: request.automatic, places: [], findings: [],
      };
      if (!(await store.insertVip(vip))) throw new GodwitError('GW_VIP_EXISTS', 'terminal', `this project has a virtual IP ${vip.name} already`, { resource: `virtual IP ${vip.name}`, action: 'Choose another name.' });
      await turn(record.id);
      return view((await store.vip(vip.id)) ?? vip);
    },
    vips: async (caller) => Promise.all((await mine(caller)).map(view)),
    async vip(caller, name, watch) {
      let vip = await find(caller, name);
      const until = performance.now() + (watch?.ms ?? 0);
      while (watch && vip.epoch === watch.after && performance.now() < until && !watch.signal.aborted) {
        await soon(vip.id, Math.min(LOOK_MS, until - performance.now()));
        vip = (await store.vip(vip.id)) ?? (await find(caller, name));
      }
      return view(vip);
    },
    async moveVip(caller, name, to) {
      const vip = await find(caller, name);
      memberOf(vip, to);
      const result = await moveVip(deps, vip, to, to.epoch === undefined ? `${caller.userName} moved it` : `${caller.userName} claimed it`, groups);
      wake(vip.id);
      return result;
    },
    async deleteVip(caller, name) {
      const vip = await find(caller, name);
      await store.updateVip(vip.id, (v) => ({ ...v, state: 'Removing' }));
      await turn(vip.network);
    },
  };

  function soon(id: string, ms: number): Promise<void> {
    const own = waiting.get(id) ?? new Set();
    waiting.set(id, own);
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        own.delete(done);
        if (own.size === 0) waiting.delete(id);
        resolve();
      };
      const timer = setTimeout(done, ms);
      own.add(done);
    });
  }
}

/** At one site: the reservations of a network's virtual IPs, and the pairs on their members' ports. For unstretching. */
export async function clearVips(deps: Deps, record: NetworkRecord, site: string, networkId: string): Promise<void> {
  const { ports } = deps.sites.get(site).asProject(projectOf(record.project)).network;
  for (const vip of await deps.store.vips(record.id)) {
    await at(site, async () => {
      const gone = (error: unknown): void => {
        if ((error as { code?: string }).code !== 'OS_NOT_FOUND') throw error;
      };
      for (const p of await ports.list({ network_id: networkId, device_owner: RESERVED })) if (p.device_id === vip.id) await ports.delete(p.id).catch(gone);
      for (const m of vip.members.filter((x) => x.site === site)) {
        const [port] = await ports.list({ id: m.port });
        const rest = port?.allowed_address_pairs.filter((p) => p.ip_address !== vip.address) ?? [];
        if (port && rest.length < port.allowed_address_pairs.length) await ports.update(port.id, { allowed_address_pairs: rest }).catch(gone);
      }
    }, `virtual IP ${vip.name}`);
  }
}
