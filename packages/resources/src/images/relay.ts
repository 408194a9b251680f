import { createHash } from 'node:crypto';
import { toGodwitError, type GodwitError } from '@godwit/sites';
import { FanOut, type FanOutOptions } from './fan-out.ts';

export interface RelayTarget {
  readonly site: string;
  /** Sends the pieces; resolves when the site has them all. */
  readonly upload: (pieces: AsyncIterable<Uint8Array>) => Promise<void>;
}

export interface RelayOptions extends FanOutOptions {
  /** Hash of what was read, for targets that keep another kind than the source does. */
  readonly hash?: string;
  /** Bytes that a target has taken; called for each piece. */
  readonly onTaken?: (site: string, bytes: number) => void;
}

export interface Relayed {
  /** Bytes read of the source. */
  readonly bytes: number;
  /** Hexadecimal, of all that was read, when it was asked for. */
  readonly digest?: string;
  /** What stopped a target; those that have all are not in it. */
  readonly failed: ReadonlyMap<string, GodwitError>;
}

/**
 * Streams one source to several targets; nothing touches a disk. A target that fails does not stop the others. Rejects only when the source
 * cannot be read to its end: then no target has it all.
 */
export async function relay(source: AsyncIterable<Uint8Array>, targets: readonly RelayTarget[], options: RelayOptions = {}): Promise<Relayed> {
  const fan = new FanOut(targets.map((t) => t.site), options);
  const failed = new Map<string, GodwitError>();
  const uploads = targets.map(async ({ site, upload }) => {
    try {
      await upload(counted(fan.pieces(site), (bytes) => options.onTaken?.(site, bytes)));
    } catch (error) {
      // An HTTP client reports what its body threw as a broken connection: the reason is with us.
      const known = toGodwitError(fan.dropped.get(site) ?? error, { site });
      failed.set(site, known);
      fan.drop(site, known);
    }
  });
  const hash = options.hash === undefined ? undefined : createHash(options.hash);
  let bytes = 0;
  try {
    for await (const piece of source) {
      bytes += piece.length;
      hash?.update(piece);
      await fan.write(piece);
      // Nobody is left: the rest need not be read.
      if (!fan.open) break;
    }
    fan.end();
  } catch (error) {
    fan.fail(error);
    await Promise.allSettled(uploads);
    throw error;
  }
  await Promise.all(uploads);
  return { bytes, failed, ...(hash ? { digest: hash.digest('hex') } : {}) };
}

async function* counted(pieces: AsyncIterable<Uint8Array>, taken: (bytes: number) => void): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const piece of pieces) {
    yield piece;
    taken(piece.length);
  }
}
