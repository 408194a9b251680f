import { canonical, type Row } from './canonical.ts';
import type { MemberSpec } from './vnf.ts';

/**
 * One of many that are alike in one world: what a job works on. Everything that is the unit's has its name in its own name, or the id of
 * something that has; so the units are told apart, and compared with each other.
 */
export interface Unit {
  readonly n: number;
  /** `u07` */
  readonly name: string;
}

export const unitOf = (n: number): Unit => ({ n, name: `u${String(n).padStart(2, '0')}` });

const hexByte = (n: number): string => n.toString(16).padStart(2, '0');

/** A VNF of two members, of the unit's own names and addresses. */
export const membersOf = ({ n, name }: Unit): MemberSpec[] => ['db', 'app'].map((role, i) => ({ name: `${name}-${role}`, ip: `10.50.${n}.${11 + i}`, mac: `fa:16:3e:50:${hexByte(n)}:${hexByte(0x11 + i)}` }));

/** VNIs of a unit's networks: chosen by whoever makes one, and told apart by their order. */
export const vnisOf = (rows: readonly Row[]): number[] => [...new Set(rows.flatMap((r) => (r['kind'] === 'network' ? [Number(r['segment'])] : [])))].sort((a, b) => a - b);

/** A row of a unit, in words that are the same for all units. */
export function canonicalOf(unit: Unit, row: Row, vnis: readonly number[] = []): string {
  const own = JSON.stringify(row, (_key, value: unknown) => (value instanceof Date ? value.toISOString() : value))
    .replaceAll(/"(segment|vni)":(\d+)/g, (_, field: string, vni: string) => `"${field}":"number ${vnis.indexOf(Number(vni)) + 1}"`)
    .replaceAll(new RegExp(`\\b${unit.name}\\b`, 'g'), 'unit')
    .replaceAll(`10.50.${unit.n}.`, '10.50.unit.')
    .replaceAll(`fa:16:3e:50:${hexByte(unit.n)}:`, 'fa:16:3e:50:unit:');
  return canonical(JSON.parse(own) as Row);
}
