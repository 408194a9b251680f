import { expect, test } from 'vitest';
import { masterBootRecord } from './mbr.ts';

test('the one partition starts at 1 MiB, is active, and ends with the disk', () => {
  const record = Buffer.from(masterBootRecord(new Uint8Array(440).fill(7), 96 * 1024 * 1024));
  expect(record).toHaveLength(512);
  expect(record[439]).toBe(7);
  expect(record[446]).toBe(0x80);
  expect(record[450]).toBe(0x83);
  expect(record.readUInt32LE(454)).toBe(2048);
  expect(record.readUInt32LE(454) + record.readUInt32LE(458)).toBe((96 * 1024 * 1024) / 512);
  expect(record.readUInt16LE(510)).toBe(0xaa55);
});

test('boot code that would overwrite the partition table is refused', () => {
  expect(() => masterBootRecord(new Uint8Array(441), 96 * 1024 * 1024)).toThrow(RangeError);
});

test('a disk with no room for a partition is refused', () => {
  expect(() => masterBootRecord(new Uint8Array(0), 1024 * 1024)).toThrow(RangeError);
});
