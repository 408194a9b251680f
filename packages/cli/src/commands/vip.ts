import { buildRouteMap } from '@stricli/core';
import { command, type Context, integer, string } from '../command.ts';
import { usageError } from '../errors.ts';
import type { Column } from '../output/printer.ts';

interface Vip {
  readonly id: string;
  readonly name: string;
  readonly network: string;
  readonly address: string;
  readonly state: string;
  readonly members: readonly { readonly site: string; readonly port: string; readonly name: string; readonly active: boolean }[];
  readonly holder: { readonly site: string; readonly port: string };
  readonly epoch: number;
  readonly movedAt: string;
  readonly reason: string;
  readonly group?: string;
  readonly automatic: boolean;
  readonly findings: readonly { readonly code: string; readonly site?: string; readonly message: string }[];
}

interface Moved {
  readonly vip: string;
  readonly address: string;
  readonly epoch: number;
  readonly holder: { readonly site: string; readonly port: string };
  readonly moved: boolean;
  readonly told: number;
  readonly untold: readonly string[];
  readonly ms: number;
}

const member = (v: Vip, port: string): string => v.members.find((m) => m.port === port)?.name ?? port;
const columns: Column<Vip>[] = [
  { key: 'name', header: 'Name', value: (v) => v.name },
  { key: 'address', header: 'Address', value: (v) => v.address },
  { key: 'network', header: 'Network', value: (v) => v.network },
  { key: 'holder', header: 'Held at', value: (v) => v.holder, text: (v) => `${v.holder.site} (${member(v, v.holder.port)})` },
  { key: 'members', header: 'Members', value: (v) => v.members, text: (v) => v.members.map((m) => `${m.site}=${m.name}${m.active ? '' : ' (not ACTIVE)'}`).join(', ') },
  { key: 'epoch', header: 'Epoch', value: (v) => v.epoch },
  { key: 'group', header: 'Group', value: (v) => v.group },
  { key: 'automatic', header: 'Moves by itself', value: (v) => v.automatic, text: (v) => (v.automatic ? 'yes' : 'no') },
  { key: 'state', header: 'State', value: (v) => v.state },
  { key: 'movedAt', header: 'Moved', value: (v) => v.movedAt, hidden: true },
  { key: 'reason', header: 'Why', value: (v) => v.reason, hidden: true },
  { key: 'findings', header: 'In the way', value: (v) => v.findings, text: (v) => v.findings.map((f) => f.message).join('; ') },
  { key: 'id', header: 'ID', value: (v) => v.id, hidden: true },
];

/** `site1=port` */
function member1(text: string): { site: string; port: string } {
  const cut = text.indexOf('=');
  if (cut < 1 || cut === text.length - 1) throw usageError(`--member ${text}: not SITE=PORT`, 'Name each port as SITE=NAME or SITE=ID.');
  return { site: text.slice(0, cut), port: text.slice(cut + 1) };
}

const path = (vip: string): string => `/v1/vips/${encodeURIComponent(vip)}`;
const vipArg = [{ name: 'vip', brief: 'Name or id' }] as const;

const create = command<{ readonly address: string; readonly member: readonly string[]; readonly group?: string; readonly automatic?: boolean }, [{ name: 'network'; brief: string }, { name: 'name'; brief: string }]>({
  brief: 'Make an address that moves between ports of a stretched network',
  description: 'The address is reserved at all sites; each member’s port may use it. The first member holds it at first.',
  args: [{ name: 'network', brief: 'A stretched network, by name or id' }, { name: 'name', brief: 'What it is to be called' }],
  flags: {
    address: { kind: 'parsed', parse: string, placeholder: 'ADDRESS', brief: 'Of the network’s CIDR' },
    member: { kind: 'parsed', parse: string, variadic: ',', placeholder: 'SITE=PORT', brief: 'The ports that may hold it; several with commas, or repeated' },
    group: { kind: 'parsed', parse: string, optional: true, placeholder: 'GROUP', brief: 'Only where this protection group is active may it be held' },
    automatic: { kind: 'boolean', optional: true, withNegated: false, brief: 'Moves by itself when its holder’s port is not ACTIVE any more' },
  } as never,
  run: async (cli, { flags, args }) => {
    const { body } = await cli.api.post<Vip>('/v1/vips', {
      name: args.name, network: args.network, address: flags.address, members: flags.member.map(member1), ...(flags.group !== undefined && { group: flags.group }), automatic: flags.automatic === true,
    });
    await cli.print.show(body, columns);
  },
});

const list = command({
  brief: 'List virtual IPs, and who holds them',
  run: async (cli) => cli.print.list((await cli.api.get<{ vips: Vip[] }>('/v1/vips')).vips, columns),
});

const move = command<{ readonly to: string; readonly epoch?: number }, typeof vipArg>({
  brief: 'Let another member hold the address, at once',
  description: 'No Neutron is asked. With --epoch it is a claim: refused when the address has moved since.',
  args: vipArg,
  flags: {
    to: { kind: 'parsed', parse: string, placeholder: 'SITE[=PORT]', brief: 'The member; its site suffices when it is the only one there' },
    epoch: { kind: 'parsed', parse: integer(1, 2_147_483_647), optional: true, placeholder: 'N', brief: 'The epoch that the claimant knows' },
  } as never,
  run: async (cli, { flags, args }) => {
    const cut = flags.to.indexOf('=');
    const { body } = await cli.api.post<Moved>(`${path(args.vip)}/move`, { ...(cut > 0 ? member1(flags.to) : { site: flags.to }), ...(flags.epoch !== undefined && { epoch: flags.epoch }) });
    await cli.print.show(body, [
      { key: 'address', header: 'Address', value: (m) => m.address }, { key: 'holder', header: 'Held at', value: (m) => m.holder, text: (m) => m.holder.site }, { key: 'epoch', header: 'Epoch', value: (m) => m.epoch }, { key: 'moved', header: 'Moved', value: (m) => m.moved },
      { key: 'told', header: 'Hypervisors told', value: (m) => m.told }, { key: 'untold', header: 'Not told', value: (m) => m.untold, text: (m) => m.untold.join(', ') }, { key: 'ms', header: 'ms', value: (m) => m.ms },
    ]);
  },
});

const remove = command<object, typeof vipArg>({
  brief: 'Give a virtual IP up',
  args: vipArg,
  run: async (cli, { args }) => {
    await cli.api.send('DELETE', path(args.vip));
    cli.print.note(`virtual IP ${args.vip} is given up`);
  },
});

export const vipRoutes = buildRouteMap<string, Context>({ routes: { create, list, move, delete: remove }, docs: { brief: 'Addresses that move between sites' } });
