import { join } from 'node:path';

import { LabError } from '../errors.ts';
import { exec, execOk } from '../host/exec.ts';
import type { ProcessIdentity } from '../host/pid.ts';
import type { SiteSpec } from '../topology/load.ts';
import { findHolder, startHolder } from './holder.ts';

/** Runs a command of the machine in a place's network namespace alone. */
export const inNetwork = (holder: ProcessIdentity, argv: readonly string[]): string[] => ['nsenter', `--net=/proc/${String(holder.pid)}/ns/net`, '--', ...argv];

const idle = 'ip link set lo up; exec sleep infinity';

/** Names of a site's ports on the WAN's bridges (at most 15 characters). */
const managementPort = (site: string): string => `m${site}`.slice(0, 15);
const underlayPort = (site: string): string => `u${site}`.slice(0, 15);

const ip = (holder: ProcessIdentity, ...args: string[]): Promise<string> => execOk(inNetwork(holder, ['ip', ...args]), { what: `ip ${args.join(' ')}` });

/** The network between the sites: one bridge for management traffic, one for the overlay's underlay. */
export async function startWan(runDir: string): Promise<ProcessIdentity> {
  const existing = findHolder(runDir, 'wan');
  if (existing) return existing;
  const wan = await startHolder({ name: 'wan', runDir, namespaces: ['net'], script: idle, args: [] });
  for (const bridge of ['br0', 'br1']) {
    await ip(wan, 'link', 'add', bridge, 'type', 'bridge', 'mcast_snooping', '0');
    await ip(wan, 'link', 'set', bridge, 'up');
  }
  return wan;
}

/** Where the controller and the tests run: the machine's own file system, but on the WAN. */
export async function startOps(runDir: string, address: string, prefixLength: number): Promise<ProcessIdentity> {
  const existing = findHolder(runDir, 'ops');
  if (existing) return existing;
  const wan = requireWan(runDir);
  const ops = await startHolder({ name: 'ops', runDir, namespaces: ['net'], script: idle, args: [] });
  await plug(wan, ops, 'ops', 'eth0', 'br0');
  await ip(ops, 'addr', 'add', `${address}/${String(prefixLength)}`, 'dev', 'eth0');
  return ops;
}

export function requireWan(runDir: string): ProcessIdentity {
  const wan = findHolder(runDir, 'wan');
  if (!wan) throw new LabError('LAB_DOWN', 'the lab is not up: run `npm run lab -- up TOPOLOGY`');
  return wan;
}

/** A veth pair from a bridge of the WAN into a place. The namespace of a killed place is dismantled late: an old port may still be there. */
async function plug(wan: ProcessIdentity, place: ProcessIdentity, port: string, device: string, bridge: string): Promise<void> {
  await exec(inNetwork(wan, ['ip', 'link', 'del', port]));
  await ip(wan, 'link', 'add', port, 'type', 'veth', 'peer', 'name', device, 'netns', String(place.pid));
  await ip(wan, 'link', 'set', port, 'master', bridge, 'up');
  await ip(place, 'link', 'set', device, 'up');
}

export async function connectSite(runDir: string, site: SiteSpec, holder: ProcessIdentity): Promise<void> {
  const wan = requireWan(runDir);
  await ip(holder, 'link', 'set', 'lo', 'up');
  await plug(wan, holder, managementPort(site.name), 'eth0', 'br0');
  await plug(wan, holder, underlayPort(site.name), 'eth1', 'br1');
  await ip(holder, 'addr', 'add', `${site.ip}/${String(site.prefixLength)}`, 'dev', 'eth0');
}

/**
 * Cuts every frame between two sites, both ways, in both networks; `ops` still reaches both. The filter runs from the package
 * tree, since a machine need not have one. Cutting twice is no error.
 */
export async function cutSites(runDir: string, tree: string, a: string, b: string): Promise<void> {
  const wan = requireWan(runDir);
  for (const port of [managementPort, underlayPort])
    for (const [from, to] of [[a, b], [b, a]] as const) {
      const rule = ['FORWARD', '-i', port(from), '-o', port(to), '-j', 'DROP'];
      await exec(inNetwork(wan, ['chroot', tree, 'ebtables-nft', '-D', ...rule]));
      await execOk(inNetwork(wan, ['chroot', tree, 'ebtables-nft', '-A', ...rule]), { what: `cut ${a} ${b}` });
    }
}

/** Undoes every cut. */
export async function healSites(runDir: string, tree: string): Promise<void> {
  await execOk(inNetwork(requireWan(runDir), ['chroot', tree, 'ebtables-nft', '-F', 'FORWARD']), { what: 'heal' });
}

/** Pairs of WAN ports between which frames are dropped now. */
export async function listCuts(runDir: string, tree: string): Promise<[string, string][]> {
  const text = await execOk(inNetwork(requireWan(runDir), ['chroot', tree, 'ebtables-nft', '-L', 'FORWARD']), { what: 'list cuts' });
  return [...text.matchAll(/^-i m(\S+) -o m(\S+) -j DROP/gm)].map((m) => [m[1] ?? '', m[2] ?? '']);
}

export const runRoot = (runDir: string, site: string): string => join(runDir, 'root', site);
