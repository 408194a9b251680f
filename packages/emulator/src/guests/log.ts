import type { Contents } from '../between.ts';

/**
 * The file that a guest's writer appends to, on a volume: a header with its length, then its lines. Where it lies is the emulator's own affair; what
 * matters is that it is in the volume's contents, so that snapshots, backups and restores carry it as any other data.
 */
const HEADER = 1024 * 1024;
const DATA = HEADER + 4096;
const MAGIC = 'GODWIT-GUEST-LOG';
/** A full disk: the writer stops, on both volumes at the same line. */
export const LOG_LIMIT = 8 * 1024 * 1024;

/** Bytes of the log; undefined: there is none. */
export function logLength(contents: Contents): number | undefined {
  if (contents.size < DATA) return undefined;
  const header = contents.read(HEADER, MAGIC.length + 8);
  if (header.toString('latin1', 0, MAGIC.length) !== MAGIC) return undefined;
  return Number(header.readBigUInt64BE(MAGIC.length));
}

/** Whole text of the log that lies on a volume, a snapshot or a backup; empty when there is none. */
export function readGuestLog(contents: Contents): string {
  const length = logLength(contents);
  return length === undefined || length === 0 ? '' : contents.read(DATA, length).toString('latin1');
}

export function appendLog(contents: Contents, text: string): void {
  const bytes = Buffer.from(text, 'latin1');
  const at = logLength(contents) ?? 0;
  if (contents.size < DATA + at + bytes.length) return;
  if (bytes.length > 0) contents.write(DATA + at, bytes);
  const header = Buffer.alloc(MAGIC.length + 8);
  header.write(MAGIC, 'latin1');
  header.writeBigUInt64BE(BigInt(at + bytes.length), MAGIC.length);
  contents.write(HEADER, header);
}

/** Last whole line, and its number (0: none). */
export function lastLine(contents: Contents): { readonly n: number; readonly line: string } {
  const length = logLength(contents);
  if (length === undefined || length === 0) return { n: 0, line: '' };
  const from = Math.max(0, length - 200);
  const lines = contents.read(DATA + from, length - from).toString('latin1').split('\n');
  const line = lines.at(-2) ?? '';
  return { n: Number(line.split(' ')[0]) || 0, line };
}
