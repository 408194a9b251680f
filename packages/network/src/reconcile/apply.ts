import { at, toGodwitError, type ProjectRef, type Site } from '@godwit/sites';
import type { Driver } from '../driver/types.ts';
import { portMark, REMOTE } from '../names.ts';
import type { Finding } from '../schemas.ts';
import type { SitePlanOfChanges, Wanted } from './plan.ts';

/** Neutron needs about a second for each port: smaller bulks would be no slower, larger ones run into time limits. */
const BULK = 25;

export interface ApplyOptions {
  readonly driver: Driver;
  readonly site: Site;
  readonly project: ProjectRef;
  readonly networkId: string;
  /** Throws when another controller has taken over. */
  readonly keep: () => Promise<void>;
  readonly signal: AbortSignal;
}

export interface Applied {
  /** Keys and hosts of what could not be done, with why. */
  readonly failed: ReadonlyMap<string, Finding>;
}

/** Carries out a plan. Every part of it may have been done already; what fails is told, and the rest goes on. */
export async function apply(plan: SitePlanOfChanges, options: ApplyOptions): Promise<Applied> {
  const { site, driver, project, keep, signal } = options;
  const { ports } = site.asProject(project).network;
  const failed = new Map<string, Finding>();
  const attempt = async (key: string, work: () => Promise<unknown>): Promise<boolean> => {
    signal.throwIfAborted();
    await keep();
    try {
      await at(site.name, work, key);
      return true;
    } catch (error) {
      signal.throwIfAborted();
      failed.set(key, findingOf(error, site.name, key));
      return false;
    }
  };
  const gone = (error: unknown): void => {
    if ((error as { code?: string }).code !== 'OS_NOT_FOUND') throw error;
  };

  // A tunnel end's change is not told by a report alone: its ports go down, and up again below.
  const moved = new Set(plan.agents.filter((a) => a.moved).map((a) => a.host));
  const onHost = new Map<string, string[]>();
  for (const u of [...plan.up, ...plan.rewire]) onHost.set(u.host, [...(onHost.get(u.host) ?? []), u.id]);
  const { redirect } = plan;
  if (redirect) {
    const done = await Promise.all(redirect.hosts.map((host) => attempt(`host ${host}`, () => driver.redirect(site, host, redirect))));
    // Neutron is told only of what hypervisors know: its row says whether this is still to be done.
    if (!done.every(Boolean)) return { failed };
  } else for (const host of moved) await attempt(host, () => driver.wire(site, host, { up: [], down: onHost.get(host) ?? [] }));
  for (const a of plan.agents) if (a.due) await attempt(a.host, () => driver.report(site, a, { confirmed: true }));
  for (const m of plan.remove) await attempt(`${m.from}/${m.source}`, () => ports.delete(m.id).catch(gone));

  const up: { id: string; key: string; host: string }[] = [...plan.up, ...(redirect ? [] : plan.rewire.filter((r) => moved.has(r.host)))];
  const usable = plan.create.filter((w) => !failed.has(w.host));
  for (let n = 0; n < usable.length; n += BULK) {
    for (const made of await create(usable.slice(n, n + BULK))) if (made.active) up.push(made);
  }
  for (const { mirror, wanted, fields } of plan.change) {
    await attempt(wanted.key, async () => {
      const body = {
        ...(fields.includes('addresses') && { fixed_ips: wanted.fixedIps }),
        ...((fields.includes('security groups') || fields.includes('port security')) && { security_groups: wanted.portSecurity ? wanted.groupIds : [], port_security_enabled: wanted.portSecurity }),
        ...(fields.includes('address pairs') && { allowed_address_pairs: pairsOf(wanted) }),
        ...(fields.includes('host') && { 'binding:host_id': wanted.host }),
      };
      const changed = await ports.update(mirror.id, body, { signal });
      // `Concurrent port binding operations failed` happens now and then: the same again.
      if (fields.includes('host') && changed['binding:vif_type'] !== 'ovs') await ports.update(mirror.id, { 'binding:host_id': wanted.host }, { signal });
    });
  }
  const byHost = new Map<string, { up: string[]; down: string[] }>();
  const on = (host: string): { up: string[]; down: string[] } => {
    const known = byHost.get(host) ?? { up: [], down: [] };
    byHost.set(host, known);
    return known;
  };
  for (const u of up) on(u.host).up.push(u.id);
  for (const d of plan.down) on(d.host).down.push(d.id);
  for (const [host, change] of byHost) {
    for (let n = 0; n < Math.max(change.up.length, change.down.length); n += BULK) {
      await attempt(host, () => driver.wire(site, host, { up: change.up.slice(n, n + BULK), down: change.down.slice(n, n + BULK) }));
    }
  }
  return { failed };

  async function create(wanted: readonly Wanted[]): Promise<{ id: string; key: string; host: string; active: boolean }[]> {
    const bodies = wanted.map((w) => ({
      network_id: options.networkId, name: `remote ${w.from}`, description: portMark(plan.network, w.from), device_owner: REMOTE, device_id: w.source, mac_address: w.mac, fixed_ips: w.fixedIps, 'binding:host_id': w.host,
      port_security_enabled: w.portSecurity, security_groups: w.portSecurity ? w.groupIds : [], ...(w.pairs.length > 0 && { allowed_address_pairs: pairsOf(w) }),
    }));
    let made: { readonly id: string; readonly 'binding:vif_type'?: string | undefined; readonly device_id: string }[] = [];
    const key = wanted[0]?.key ?? '';
    const done = await attempt(key, async () => {
      made = await ports.createMany(bodies, { signal });
    });
    if (!done && wanted.length > 1) {
      // All or none: one that is refused (an address that was taken just now) must not keep the others away.
      failed.delete(key);
      for (const [i, w] of wanted.entries()) await attempt(w.key, async () => made.push(...(await ports.createMany(bodies.slice(i, i + 1), { signal }))));
    }
    const of = new Map(wanted.map((w) => [w.source, w]));
    const result: { id: string; key: string; host: string; active: boolean }[] = [];
    for (const port of made) {
      const w = of.get(port.device_id);
      if (!w) continue;
      if (port['binding:vif_type'] !== 'ovs') await attempt(w.key, () => ports.update(port.id, { 'binding:host_id': w.host }, { signal }));
      result.push({ id: port.id, key: w.key, host: w.host, active: w.active });
    }
    return result;
  }
}

const pairsOf = (w: Wanted) => w.pairs.map((p) => ({ ip_address: p.slice(0, p.indexOf(' ')), mac_address: p.slice(p.indexOf(' ') + 1) }));

export function findingOf(error: unknown, site: string, resource: string): Finding {
  const e = toGodwitError(error, { site, resource });
  return { code: e.code, message: e.message, site, resource, ...(e.action === undefined ? {} : { action: e.action }), ...(e.requestId === undefined ? {} : { requestId: e.requestId }) };
}
