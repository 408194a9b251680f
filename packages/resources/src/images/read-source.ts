import type { Cloud } from '@godwit/openstack';
import { at, GodwitError, toGodwitError } from '@godwit/sites';
import type { Clock } from '../deps.ts';

export interface SourceOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Cuts in a row, without a byte between them, after which it is given up. */
  readonly cuts?: number;
  /** Told of a cut that is gone over. */
  readonly onCut?: (at: number, error: Error) => void;
}

/**
 * An image's data from its first byte to its last. A link that is cut at any byte is taken up again at that byte (Glance serves ranges; from
 * a store that does not, what was read already is read over), so that the targets notice nothing.
 */
export async function* readSource(site: string, cloud: Cloud, id: string, size: number, options: SourceOptions): AsyncGenerator<Uint8Array, void, undefined> {
  const most = options.cuts ?? 5;
  let done = 0;
  for (let cuts = 0; done < size; ) {
    const before = done;
    try {
      const { stream, from } = await at(site, () => cloud.image.download(id, { from: done, signal: options.signal }), `image ${id}`);
      let skip = done - from;
      try {
        for await (const piece of stream as AsyncIterable<Uint8Array>) {
          const news = skip > 0 ? piece.subarray(Math.min(skip, piece.length)) : piece;
          skip -= piece.length - news.length;
          if (news.length === 0) continue;
          done += news.length;
          if (done > size) throw tooLong(site, id, size);
          yield news;
        }
      } finally {
        // Also when the reader of these pieces goes away.
        stream.destroy();
      }
      if (done < size) throw new GodwitError('GW_SITE_UNREACHABLE', 'retryable', `${site}: the data of image ${id} ended at byte ${done} of ${size}`, { site, resource: `image ${id}` });
    } catch (error) {
      if (options.signal.aborted) throw options.signal.reason;
      const known = toGodwitError(error, { site, resource: `image ${id}` });
      cuts = done > before ? 1 : cuts + 1;
      if (known.kind !== 'retryable' || cuts > most) throw sourceError(known, site, id);
      options.onCut?.(done, known);
      await options.clock.sleep(Math.min(250 * 2 ** (cuts - 1), 5_000), options.signal);
    }
  }
}

const tooLong = (site: string, id: string, size: number): GodwitError =>
  new GodwitError('GW_IMAGE_CORRUPT', 'terminal', `${site}: image ${id} has more data than the ${size} bytes that Glance says`, { site, resource: `image ${id}`, action: 'Look at the store of that Glance.' });

/** An image that is gone half way is said to be so. */
function sourceError(error: GodwitError, site: string, id: string): GodwitError {
  if (error.code !== 'GW_RESOURCE_GONE' && error.code !== 'GW_SITE_ANSWER') return error;
  return new GodwitError('GW_IMAGE_SOURCE_GONE', 'terminal', `${site}: image ${id} was deleted, or lost its data, while it was copied`, { site, resource: `image ${id}`, requestId: error.requestId, action: 'Nothing of it is left at the targets. Clone it from another site that has it.', cause: error });
}
