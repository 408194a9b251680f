import { addressGroups } from './address-groups.ts';
import { flavors } from './flavors.ts';
import { keypairs } from './keypairs.ts';
import { securityGroups } from './security-groups.ts';
import { serverGroups } from './server-groups.ts';
import type { Driver, SyncKind } from './types.ts';

/** In the order in which they are made: rules of security groups name address groups. */
export const drivers: readonly Driver[] = [addressGroups, securityGroups, flavors, keypairs, serverGroups];

export function driverOf(kind: SyncKind): Driver {
  const found = drivers.find((d) => d.kind === kind);
  if (!found) throw new Error(`there is no kind ${kind}`);
  return found;
}
