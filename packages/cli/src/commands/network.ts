import { buildRouteMap } from '@stricli/core';
import { z } from 'zod';
import type { JobRef } from '../api/types.ts';
import type { Cli } from '../cli.ts';
import { command, type Context, integer, string } from '../command.ts';
import { type Finding, usageError } from '../errors.ts';
import { exit } from '../exit-codes.ts';
import type { Column } from '../output/printer.ts';
import { findingColumns, outcome } from './job-outcome.ts';

interface SitePlan {
  readonly site: string;
  readonly adopted: boolean;
  readonly networkId?: string;
  readonly pool: string;
  readonly gateway: string | null;
  readonly vni?: number;
}

interface Stretched {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly mode: string;
  readonly vni?: number;
  readonly transitVni?: number;
  readonly cidr?: string;
  readonly mtu?: number;
  readonly sites: readonly SitePlan[];
  readonly lastReport?: Report;
}

const reportSchema = z.looseObject({
  at: z.string(), inStep: z.boolean(), ports: z.number(), remotePorts: z.number(),
  drift: z.array(z.looseObject({ site: z.string(), what: z.string(), of: z.string(), message: z.string(), at: z.string(), repaired: z.boolean() })),
  history: z.array(z.looseObject({ site: z.string(), what: z.string(), of: z.string(), message: z.string(), at: z.string(), repaired: z.boolean() })),
  findings: z.array(z.looseObject({ code: z.string(), message: z.string(), site: z.string().optional() })),
  unreachable: z.array(z.looseObject({ site: z.string(), message: z.string() })),
});
type Report = z.infer<typeof reportSchema>;

interface Preflight {
  readonly ok: boolean;
  readonly network: string;
  readonly findings: readonly Finding[];
  readonly plan: readonly string[];
}

const columns: Column<Stretched>[] = [
  { key: 'name', header: 'Name', value: (n) => n.name },
  { key: 'state', header: 'State', value: (n) => n.state },
  { key: 'inStep', header: 'In step', value: (n) => n.lastReport?.inStep, text: (n) => (n.lastReport === undefined ? '' : n.lastReport.inStep ? 'yes' : 'no') },
  { key: 'vni', header: 'VNI', value: (n) => n.vni, text: (n) => (n.vni === undefined ? n.sites.flatMap((s) => s.vni ?? []).join(', ') : String(n.vni)) },
  { key: 'cidr', header: 'CIDR', value: (n) => n.cidr },
  { key: 'sites', header: 'Sites', value: (n) => n.sites, text: (n) => n.sites.map((s) => s.site).join(', ') },
  { key: 'ports', header: 'Ports', value: (n) => n.lastReport?.ports },
  { key: 'remotePorts', header: 'Remote ports', value: (n) => n.lastReport?.remotePorts },
  { key: 'mtu', header: 'MTU', value: (n) => n.mtu, hidden: true },
  { key: 'mode', header: 'Mode', value: (n) => n.mode, hidden: true },
  { key: 'transitVni', header: 'Transit VNI', value: (n) => n.transitVni, hidden: true },
  { key: 'id', header: 'ID', value: (n) => n.id },
];

interface StretchFlags {
  readonly site: readonly string[];
  readonly mode?: string;
  readonly cidr?: string;
  readonly pool?: readonly string[];
  readonly gateway?: readonly string[];
  readonly network?: readonly string[];
  readonly vni?: number;
  readonly mtu?: number;
  readonly dns?: readonly string[];
  readonly noDhcp?: boolean;
  readonly dryRun?: boolean;
  readonly noWait?: boolean;
}

const many = (placeholder: string, brief: string) => ({ kind: 'parsed', parse: string, optional: true, variadic: ',', placeholder, brief }) as const;
const bool = (brief: string) => ({ kind: 'boolean', optional: true, withNegated: false, brief }) as const;

/** `site1=10.0.0.1` */
function bySite(list: readonly string[] | undefined, flag: string, sites: readonly string[]): Map<string, string> {
  return new Map((list ?? []).map((text) => {
    const cut = text.indexOf('=');
    const site = text.slice(0, Math.max(cut, 0));
    if (cut < 1 || !sites.includes(site)) throw usageError(`--${flag} ${text}: not SITE=… of one of the sites`, `Sites that are named: ${sites.join(', ')}.`);
    return [site, text.slice(cut + 1)];
  }));
}

async function stretchNow(cli: Cli, name: string, flags: StretchFlags): Promise<number | void> {
  const named = [...new Set([...flags.site, ...(flags.network ?? []).map((n) => n.slice(0, Math.max(n.indexOf('='), 0)))])].filter((s) => s !== '');
  const [networks, pools, gateways] = [bySite(flags.network, 'network', named), bySite(flags.pool, 'pool', named), bySite(flags.gateway, 'gateway', named)];
  const request = {
    name, ...(flags.mode !== undefined && { mode: flags.mode }), ...(flags.cidr !== undefined && { cidr: flags.cidr }), ...(flags.vni !== undefined && { vni: flags.vni }), ...(flags.mtu !== undefined && { mtu: flags.mtu }), ...(flags.dns !== undefined && { dns: flags.dns }), ...(flags.noDhcp === true && { dhcp: false }),
    sites: named.map((site) => {
      const gateway = gateways.get(site);
      return { site, ...(networks.has(site) && { network: networks.get(site) }), ...(pools.has(site) && { pool: pools.get(site) }), ...(gateway !== undefined && { gateway: gateway === 'none' ? null : gateway }) };
    }),
  };
  if (flags.dryRun === true) {
    const { body } = await cli.api.post<Preflight>('/v1/networks/preflight', request);
    if (cli.print.format !== 'table') await cli.print.show(body, [{ key: 'ok', header: 'OK', value: (r) => r.ok }, { key: 'findings', header: 'Findings', value: (r) => r.findings }, { key: 'plan', header: 'Plan', value: (r) => r.plan }]);
    else if (body.ok) cli.print.note(`network ${body.network}: nothing is in the way\n${body.plan.map((p, i) => `  ${i + 1}. ${p}`).join('\n')}`);
    else {
      cli.print.note(`network ${body.network}: refused; nothing was changed`);
      await cli.print.list(body.findings, findingColumns);
    }
    return body.ok ? exit.ok : exit.refused;
  }
  const { body } = await cli.api.post<JobRef & { id: string }>('/v1/networks', request);
  return outcome(cli, body, flags.noWait === true, async () => cli.print.show(await cli.api.get<Stretched>(path(body.id)), columns));
}

const path = (network: string): string => `/v1/networks/${encodeURIComponent(network)}`;
const siteFlag = { kind: 'parsed', parse: string, variadic: ',', placeholder: 'SITE', brief: 'The sites; several with commas, or repeated' } as const;
const common = {
  pool: many('SITE=FIRST-LAST', 'Addresses that a site gives to its ports (an even share)'),
  gateway: many('SITE=ADDRESS|none', 'A site’s gateway (one of the first addresses, another at each site)'),
  mode: { kind: 'parsed', parse: string, optional: true, placeholder: 'MODE', brief: 'direct: from hypervisor to hypervisor (the default); gateway: through the sites’ border gateways' },
  vni: { kind: 'parsed', parse: integer(1, 16_777_215), optional: true, placeholder: 'VNI', brief: 'For administrators (one that is free at all sites)' },
  mtu: { kind: 'parsed', parse: integer(576, 9_000), optional: true, placeholder: 'BYTES', brief: 'Of the networks (the smallest that a site has)' },
  dns: many('ADDRESS', 'Name servers for DHCP'),
  noDhcp: bool('No DHCP at any site'),
  dryRun: bool('Only show what would be done, or every reason why not'),
  noWait: bool('Do not wait for the job'),
} as const;

const stretch = command<StretchFlags, [{ name: 'name'; brief: string }]>({
  brief: 'Make one network over several sites',
  args: [{ name: 'name', brief: 'What it is to be called, at every site' }],
  flags: { site: siteFlag, cidr: { kind: 'parsed', parse: string, placeholder: 'CIDR', brief: 'Of the subnets, the same at each site', optional: true }, ...common } as never,
  run: (cli, { flags, args }) => stretchNow(cli, args.name, flags),
});

const adopt = command<Omit<StretchFlags, 'site'> & { readonly site?: readonly string[] }, [{ name: 'name'; brief: string }]>({
  brief: 'Make one network of those that are there already',
  description: 'Networks that do not fit are refused, with every reason. With --site one is made at further sites.',
  args: [{ name: 'name', brief: 'What the whole is to be called' }],
  flags: {
    network: { kind: 'parsed', parse: string, variadic: ',', placeholder: 'SITE=NETWORK', brief: 'A site’s network, by name or id; several with commas, or repeated' },
    site: { ...siteFlag, optional: true, brief: 'Further sites, at which one is made' }, ...common,
  } as never,
  run: (cli, { flags, args }) => stretchNow(cli, args.name, { ...flags, site: flags.site ?? [] }),
});

const networkArg = [{ name: 'network', brief: 'Name or id' }] as const;

const unstretchResult = z.looseObject({ network: z.string(), removed: z.array(z.string()), left: z.array(z.looseObject({ site: z.string(), networkId: z.string(), reason: z.string() })) });

const unstretch = command<{ readonly keep?: boolean; readonly lost?: readonly string[]; readonly noWait?: boolean }, typeof networkArg>({
  brief: 'Let the sites’ networks go, each for itself',
  description: 'Remote ports and their agents go; so do networks that Godwit made, unless ports are on them.',
  args: networkArg,
  flags: { keep: bool('Networks that Godwit made stay too'), lost: many('SITE', 'Sites that are not asked; unstretch again when they are back'), noWait: bool('Do not wait for the job') },
  run: async (cli, { flags, args }) => {
    const { body } = await cli.api.post<JobRef>(`${path(args.network)}/unstretch`, { keep: flags.keep === true, lost: flags.lost ?? [] });
    return outcome(cli, body, flags.noWait === true, async (raw) => {
      const { data } = unstretchResult.safeParse(raw);
      if (!data) return;
      await cli.print.show(data, [{ key: 'network', header: 'Network', value: (r) => r.network }, { key: 'removed', header: 'Deleted at', value: (r) => r.removed, text: (r) => r.removed.join(', ') }, { key: 'left', header: 'Left at', value: (r) => r.left, text: (r) => r.left.map((l) => `${l.site}: ${l.reason}`).join('; ') }]);
    });
  },
});

const list = command({
  brief: 'List stretched networks',
  run: async (cli) => cli.print.list((await cli.api.get<{ networks: Stretched[] }>('/v1/networks')).networks, columns),
});

const siteColumns = (n: Stretched): string[][] => n.sites.map((s) => [s.site, s.adopted ? 'adopted' : 'made', s.networkId ?? '', s.pool, s.gateway ?? 'none']);

function noteReport(cli: Cli, report: Report): void {
  cli.print.noteTable(['Drift at', 'What', 'Of', 'Why', 'When', 'Repaired'], [...report.drift, ...report.history].map((d) => [d.site, d.what, d.of, d.message, d.at, d.repaired ? 'yes' : 'no']));
  cli.print.noteTable(['In the way', 'At', 'Why'], report.findings.map((f) => [f.code, f.site ?? '', f.message]));
  cli.print.noteTable(['Cannot be asked', 'Why'], report.unreachable.map((u) => [u.site, u.message]));
}

const show = command<object, typeof networkArg>({
  brief: 'Show a stretched network, and what the last comparison found',
  args: networkArg,
  run: async (cli, { args }) => {
    const found = await cli.api.get<Stretched>(path(args.network));
    await cli.print.show(found, columns);
    cli.print.noteTable(['Site', 'Network is', 'ID', 'Pool', 'Gateway'], siteColumns(found));
    const report = reportSchema.safeParse(found.lastReport);
    if (report.success) noteReport(cli, report.data);
  },
});

const check = command<object, typeof networkArg>({
  brief: 'Compare the sites now; nothing is changed',
  description: 'Ends with 1 when something differs, is in the way, or cannot be asked.',
  args: networkArg,
  run: async (cli, { args }) => {
    const report = reportSchema.parse(await cli.api.get<unknown>(`${path(args.network)}/check`));
    await cli.print.show(report, [
      { key: 'at', header: 'Looked at', value: (r) => r.at }, { key: 'inStep', header: 'In step', value: (r) => r.inStep }, { key: 'ports', header: 'Ports', value: (r) => r.ports }, { key: 'remotePorts', header: 'Remote ports', value: (r) => r.remotePorts },
      { key: 'drift', header: 'Drift', value: (r) => r.drift, text: (r) => String(r.drift.length) }, { key: 'findings', header: 'In the way', value: (r) => r.findings, text: (r) => String(r.findings.length) },
    ]);
    noteReport(cli, { ...report, history: [] });
    return report.inStep ? exit.ok : exit.failed;
  },
});

interface RemotePort {
  readonly id: string;
  readonly network: string;
  readonly site: string;
  readonly from: string;
  readonly source: string;
  readonly mac: string;
  readonly ips: readonly string[];
  readonly vtep?: string;
  readonly agent: string;
  readonly status: string;
  readonly bound: boolean;
}

const portColumns: Column<RemotePort>[] = [
  { key: 'network', header: 'Network', value: (p) => p.network },
  { key: 'site', header: 'At', value: (p) => p.site },
  { key: 'from', header: 'Stands for one of', value: (p) => p.from },
  { key: 'ips', header: 'Addresses', value: (p) => p.ips, text: (p) => p.ips.join(', ') },
  { key: 'mac', header: 'MAC', value: (p) => p.mac },
  { key: 'vtep', header: 'VTEP', value: (p) => p.vtep },
  { key: 'status', header: 'Status', value: (p) => p.status, text: (p) => (p.bound ? p.status : 'binding failed') },
  { key: 'agent', header: 'Agent', value: (p) => p.agent, hidden: true },
  { key: 'source', header: 'Source port', value: (p) => p.source, hidden: true },
  { key: 'id', header: 'ID', value: (p) => p.id },
];

const remotePortList = command<{ readonly network?: string }>({
  brief: 'List the ports that stand for other sites’ ports',
  flags: { network: { kind: 'parsed', parse: string, optional: true, placeholder: 'NETWORK', brief: 'Of this stretched network only' } },
  run: async (cli, { flags }) => {
    const query = flags.network === undefined ? '' : `?network=${encodeURIComponent(flags.network)}`;
    const { remotePorts, unreachable } = await cli.api.get<{ remotePorts: RemotePort[]; unreachable: { site: string; message: string }[] }>(`/v1/remote-ports${query}`);
    await cli.print.list(remotePorts, portColumns);
    cli.print.noteTable(['Cannot be asked', 'Why'], unreachable.map((u) => [u.site, u.message]));
    return unreachable.length > 0 ? exit.failed : exit.ok;
  },
});

export const networkRoutes = buildRouteMap<string, Context>({ routes: { stretch, adopt, unstretch, list, show, check }, docs: { brief: 'One network over several sites' } });
export const remotePortRoutes = buildRouteMap<string, Context>({ routes: { list: remotePortList }, docs: { brief: 'Ports that stand for other sites’ ports' } });
