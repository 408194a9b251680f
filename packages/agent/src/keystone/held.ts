import { join } from 'node:path';
import * as z from 'zod/mini';
import { readIfThere, writeDurably } from '../node/durable.ts';
import type { Files } from '../node/files.ts';

const schema = z.object({ reason: z.nullable(z.string()) });

/** Whether the controller keeps this node out of service, over restarts. */
export class Held {
  readonly #files: Files;
  readonly #file: string;
  reason: string | null = null;

  constructor(files: Files, stateDir: string) {
    this.#files = files;
    this.#file = join(stateDir, 'held.json');
  }

  async load(): Promise<void> {
    const text = await readIfThere(this.#files, this.#file);
    if (text === undefined) return;
    try {
      this.reason = schema.parse(JSON.parse(text)).reason;
    } catch {
      // Written whole or not at all; so somebody edited it. Out of service is the safe side.
      this.reason = `${this.#file} is damaged`;
    }
  }

  async set(reason: string | null): Promise<void> {
    if (reason === this.reason) return;
    await writeDurably(this.#files, this.#file, JSON.stringify({ reason }), 0o600);
    this.reason = reason;
  }
}
