const SECTOR = 512;
/** First byte of the only partition. */
export const PARTITION_START = 2048 * SECTOR;

/** The first sector of a disk of `diskBytes` bytes: boot code, and one active Linux partition that starts at 1 MiB and fills the disk. */
export function masterBootRecord(bootCode: Uint8Array, diskBytes: number): Uint8Array {
  if (bootCode.length > 440) throw new RangeError(`boot code of ${bootCode.length} bytes does not fit the 440 that a boot record has`);
  const sectors = (diskBytes - PARTITION_START) / SECTOR;
  if (!Number.isInteger(sectors) || sectors <= 0 || sectors > 0xffffffff) throw new RangeError(`a disk of ${diskBytes} bytes has no room for a partition`);
  const record = new Uint8Array(SECTOR);
  record.set(bootCode);
  const view = new DataView(record.buffer);
  record.set([0x80, 0, 2, 0, 0x83, 0xfe, 0xff, 0xff], 446); // active, CHS unused, type Linux
  view.setUint32(454, PARTITION_START / SECTOR, true);
  view.setUint32(458, sectors, true);
  record.set([0x55, 0xaa], 510);
  return record;
}
