import type { BorderGateway } from '../schemas.ts';
import type { NetworkRecord } from '../store/types.ts';
import type { Gate } from './gate.ts';

/** What a person sees of the border gateways. */
export async function gatewayViews(gate: Gate, records: readonly NetworkRecord[]): Promise<BorderGateway[]> {
  await gate.refresh();
  return gate.nodes().map(({ name, site, report }) => {
    const lead = gate.lead(site);
    const active = lead?.active === name;
    return {
      name, site, state: !gate.healthy(name) ? ('away' as const) : active ? ('active' as const) : ('standby' as const),
      ...(lead && { epoch: lead.epoch }), ...(lead && active && { since: lead.since, reason: lead.reason }),
      ...(report && { siteAddress: report.siteAddress, transitAddress: report.transitAddress, mtu: Math.min(report.siteMtu, report.transitMtu), repairs: report.repairs }),
      problems: [...(report?.problems ?? [])],
      networks: (report?.networks ?? []).map(({ network, digest, up, entries, site: s, transit }) => {
        const known = records.find((r) => r.id === network)?.name;
        return { id: network, ...(known !== undefined && { name: known }), up, inKernel: digest !== '', entries, site: s, transit };
      }),
    };
  }).toSorted((a, b) => `${a.site} ${a.name}`.localeCompare(`${b.site} ${b.name}`));
}
