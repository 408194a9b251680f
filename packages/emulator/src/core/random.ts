/** Seeded randomness: the same seed and name give the same numbers, whatever else is drawn from other streams. */
export interface Random {
  /** 0 <= x < 1 */
  next(): number;
  /** 0 <= n < below */
  int(below: number): number;
  chance(probability: number): boolean;
  /** Around `mean`, within a tenth of it: how long work takes. */
  about(mean: number): number;
  uuid(): string;
  /** As Keystone's ids: 32 hexadecimal digits. */
  hex(digits?: number): string;
  pick<T>(items: readonly T[]): T | undefined;
  /** Where the stream stands; `restore` continues from there. */
  save(): readonly number[];
  restore(saved: readonly number[]): void;
}

/** FNV-1a, to mix a seed with a name. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}

const hexWord = (n: number): string => n.toString(16).padStart(8, '0');

/** sfc32: small, fast, passes the usual batteries. */
export function createRandom(seed: number | string, name = ''): Random {
  let a = hash(`${String(seed)}/${name}`);
  let b = hash(`${name}\0${String(seed)}`);
  let c = 0x9e3779b9;
  let d = 1;
  const word = (): number => {
    const t = (a + b + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return t >>> 0;
  };
  for (let i = 0; i < 12; i += 1) word();
  const next = (): number => word() / 2 ** 32;
  const int = (below: number): number => Math.floor(next() * below);
  const hex = (digits = 32): string => {
    let text = '';
    while (text.length < digits) text += hexWord(word());
    return text.slice(0, digits);
  };
  return {
    next,
    int,
    chance: (probability) => next() < probability,
    about: (mean) => mean * (0.9 + 0.2 * next()),
    hex,
    uuid: () => {
      const h = hex(32);
      return `${h.slice(0, 8)}-${h.slice(8, 12)}-4${h.slice(13, 16)}-${'89ab'[int(4)] ?? '8'}${h.slice(17, 20)}-${h.slice(20, 32)}`;
    },
    save: () => [a, b, c, d],
    restore: (saved) => {
      [a = 0, b = 0, c = 0, d = 0] = saved;
    },
    pick: (items) => items[int(items.length)],
  };
}
