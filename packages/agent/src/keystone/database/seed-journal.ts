import { join } from 'node:path';
import * as z from 'zod/mini';
import { readIfThere, writeDurably } from '../../node/durable.ts';
import type { Files } from '../../node/files.ts';
import { address } from '../../protocol/values.ts';

const schema = z.object({ source: address, position: z.string(), exchanged: z.optional(z.boolean()) });
/** Written before the tables are exchanged: from where the new ones are to follow. `exchanged`: they are, and what lies beside belongs to a later attempt. */
export type SeedOrder = z.infer<typeof schema>;

export class SeedJournal {
  readonly #files: Files;
  readonly #file: string;

  constructor(files: Files, stateDir: string) {
    this.#files = files;
    this.#file = join(stateDir, 'seed.json');
  }

  async read(): Promise<SeedOrder | undefined> {
    const text = await readIfThere(this.#files, this.#file);
    if (text === undefined) return undefined;
    const parsed = schema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  }

  write(order: SeedOrder): Promise<void> {
    return writeDurably(this.#files, this.#file, JSON.stringify(order), 0o600);
  }

  async clear(): Promise<void> {
    if ((await this.#files.stat(this.#file)) !== undefined) await this.#files.unlink(this.#file);
  }
}
