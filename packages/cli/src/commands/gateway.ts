import { buildRouteMap } from '@stricli/core';
import type { Cli } from '../cli.ts';
import { command, type Context } from '../command.ts';
import { CliError } from '../errors.ts';
import { exit } from '../exit-codes.ts';
import type { Column } from '../output/printer.ts';

interface Flow {
  readonly packets: number;
  readonly bytes: number;
  readonly dropped: number;
}
interface Carried {
  readonly id: string;
  readonly name?: string;
  readonly up: boolean;
  readonly inKernel: boolean;
  readonly entries: number;
  readonly site: { readonly received: Flow; readonly sent: Flow };
  readonly transit: { readonly received: Flow; readonly sent: Flow };
}
interface Gateway {
  readonly name: string;
  readonly site: string;
  readonly state: string;
  readonly epoch?: number;
  readonly since?: string;
  readonly reason?: string;
  readonly siteAddress?: string;
  readonly transitAddress?: string;
  readonly mtu?: number;
  readonly repairs?: number;
  readonly problems: readonly { readonly code: string; readonly message: string }[];
  readonly networks: readonly Carried[];
}

const columns: Column<Gateway>[] = [
  { key: 'site', header: 'Site', value: (g) => g.site },
  { key: 'name', header: 'Name', value: (g) => g.name },
  { key: 'state', header: 'State', value: (g) => g.state },
  { key: 'siteAddress', header: 'To the site', value: (g) => g.siteAddress },
  { key: 'transitAddress', header: 'To the others', value: (g) => g.transitAddress },
  { key: 'mtu', header: 'MTU', value: (g) => g.mtu },
  { key: 'networks', header: 'Networks', value: (g) => g.networks, text: (g) => String(g.networks.length) },
  { key: 'problems', header: 'Problems', value: (g) => g.problems, text: (g) => g.problems.map((p) => p.code).join(', ') },
  { key: 'since', header: 'Since', value: (g) => g.since, hidden: true },
  { key: 'epoch', header: 'Epoch', value: (g) => g.epoch, hidden: true },
];

const read = async (cli: Cli): Promise<Gateway[]> => (await cli.api.get<{ gateways: Gateway[] }>('/v1/gateways')).gateways;

const list = command({ brief: 'List the sites’ border gateways', run: async (cli) => cli.print.list(await read(cli), columns) });

const count = ({ packets, bytes, dropped }: Flow): string => `${packets} (${bytes} bytes${dropped > 0 ? `, ${dropped} dropped` : ''})`;

const status = command<object, [{ name: 'gateway'; brief: string }]>({
  brief: 'Show a border gateway, and what it carries',
  description: 'Ends with 1 when it is away, or something is wrong.',
  args: [{ name: 'gateway', brief: 'Name of its agent' }],
  run: async (cli, { args }) => {
    const found = (await read(cli)).find((g) => g.name === args.gateway);
    if (!found) throw new CliError({ code: 'GW_AGENT_UNKNOWN', message: `there is no border gateway ${args.gateway}`, action: 'godwit gateway list shows those there are.' }, exit.failed);
    await cli.print.show(found, [...columns.map((c) => ({ ...c, hidden: false })), { key: 'reason', header: 'Why it leads', value: (g) => g.reason }, { key: 'repairs', header: 'Put right', value: (g) => g.repairs }]);
    cli.print.noteTable(['Network', 'Carries', 'As ordered', 'MACs', 'From the site', 'To the site', 'From the others', 'To the others'], found.networks.map((n) => [n.name ?? n.id, n.up ? 'yes' : 'no', n.inKernel ? 'yes' : 'no', String(n.entries), count(n.site.received), count(n.site.sent), count(n.transit.received), count(n.transit.sent)]));
    cli.print.noteTable(['Problem', 'What'], found.problems.map((p) => [p.code, p.message]));
    return found.state === 'away' || found.problems.length > 0 ? exit.failed : exit.ok;
  },
});

export const gatewayRoutes = buildRouteMap<string, Context>({ routes: { list, status }, docs: { brief: 'What stretched networks go through between sites' } });
