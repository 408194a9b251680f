import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { OpenStackError } from './errors.ts';
import { relay } from './http/relay.ts';

/**
 * Passes a download on and, at its end, fails with OS_BAD_CHECKSUM unless its hash is the expected one (hexadecimal).
 * So a reader that reaches the end has good data.
 */
export function checked(source: AsyncIterable<Uint8Array>, algorithm: string, expected: string): Readable {
  async function* pieces(): AsyncGenerator<Uint8Array> {
    const hash = createHash(algorithm);
    for await (const piece of source) {
      hash.update(piece);
      yield piece;
    }
    const actual = hash.digest('hex');
    if (actual !== expected.toLowerCase()) {
      throw new OpenStackError({ code: 'OS_BAD_CHECKSUM', kind: 'retryable', message: `the data received is not what was sent: its ${algorithm} is ${actual}, not ${expected}` });
    }
  }
  return relay(pieces(), () => {
    if (source instanceof Readable) source.destroy();
  });
}
