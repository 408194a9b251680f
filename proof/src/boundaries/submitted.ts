import type { Emulator } from '@godwit/emulator';
import { serverRows } from '../world/inventory.ts';
import type { Unit } from '../world/unit.ts';

/** Ids of a unit's servers. */
export const serversOf = (emulator: Emulator, unit: Unit): string[] => serverRows(emulator).filter((s) => String(s['name']).startsWith(`${unit.name}-`)).map((s) => String(s['id']));
