import { usageError } from '../errors.ts';
import type { Out } from '../io.ts';
import { table } from './table.ts';

export const formats = ['table', 'json', 'yaml', 'value'] as const;
export type Format = (typeof formats)[number];

/** A column: its key and exact value for programs, its header and text for people. */
export interface Column<T> {
  readonly key: string;
  readonly header: string;
  readonly value: (row: T) => unknown;
  /** Left out: the value itself. */
  readonly text?: (row: T) => string;
  /** Shown only by -c, and in what programs read. */
  readonly hidden?: boolean;
}

export interface PrinterOptions {
  readonly out: Out;
  readonly format: Format;
  /** By key or header, in the order wanted. Empty: those of the list. */
  readonly columns: readonly string[];
}

export class Printer {
  readonly #options: PrinterOptions;

  constructor(options: PrinterOptions) {
    this.#options = options;
  }

  get format(): Format {
    return this.#options.format;
  }

  /** Many of a kind. json and yaml without -c give the server's own objects, whole. */
  async list<T>(rows: readonly T[], columns: readonly Column<T>[]): Promise<void> {
    const chosen = this.#choose(columns);
    if (this.#options.format === 'table') this.#write(table(chosen.map((c) => c.header), rows.map((r) => chosen.map((c) => textOf(c, r))), this.#width()));
    else if (this.#options.format === 'value') this.#write(rows.map((r) => `${chosen.map((c) => plain(c.value(r))).join(' ')}\n`).join(''));
    else await this.#data(this.#options.columns.length === 0 ? rows : rows.map((r) => pick(r, chosen)));
  }

  /** One thing, a line for each of its columns. */
  async show<T>(row: T, columns: readonly Column<T>[]): Promise<void> {
    const chosen = this.#choose(columns);
    if (this.#options.format === 'table') this.#write(table(['Field', 'Value'], chosen.map((c) => [c.header, textOf(c, row)]), this.#width()));
    else if (this.#options.format === 'value') this.#write(chosen.map((c) => `${plain(c.value(row))}\n`).join(''));
    else await this.#data(this.#options.columns.length === 0 ? row : pick(row, chosen));
  }

  /** A second table or a line that belongs to the first; programs have it in their data already. */
  note(text: string): void {
    if (this.#options.format === 'table') this.#write(text.endsWith('\n') ? text : `${text}\n`);
  }

  noteTable(headers: readonly string[], rows: readonly (readonly string[])[]): void {
    if (rows.length > 0) this.note(table(headers, rows, this.#width()));
  }

  async #data(data: unknown): Promise<void> {
    if (this.#options.format === 'json') {
      this.#write(`${JSON.stringify(data, null, 2)}\n`);
      return;
    }
    const { stringify } = await import('yaml');
    this.#write(stringify(data));
  }

  #choose<T>(columns: readonly Column<T>[]): readonly Column<T>[] {
    if (this.#options.columns.length === 0) return columns.filter((c) => c.hidden !== true);
    return this.#options.columns.map((wanted) => {
      const found = columns.find((c) => [c.key, c.header].some((n) => n.toLowerCase() === wanted.toLowerCase()));
      if (found) return found;
      throw usageError(`there is no column ${wanted}`, `Columns: ${columns.map((c) => c.key).join(', ')}.`);
    });
  }

  #width(): number | undefined {
    return this.#options.out.isTTY === true ? this.#options.out.columns : undefined;
  }

  #write(text: string): void {
    this.#options.out.write(text);
  }
}

const textOf = <T>(column: Column<T>, row: T): string => (column.text ? column.text(row) : plain(column.value(row)));

const pick = <T>(row: T, columns: readonly Column<T>[]): Record<string, unknown> => Object.fromEntries(columns.map((c) => [c.key, c.value(row) ?? null]));

function plain(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'object') return JSON.stringify(value);
  return String(value as string | number | boolean);
}
