import { refused, type GlanceCall } from './common.ts';
import type { Image } from './state.ts';

const diskFormats = ['ami', 'ari', 'aki', 'vhd', 'vhdx', 'vmdk', 'raw', 'qcow2', 'vdi', 'iso', 'ploop'];
const containerFormats = ['ami', 'ari', 'aki', 'bare', 'ovf', 'ova', 'docker', 'compressed'];
const readOnly = new Set(['id', 'status', 'created_at', 'updated_at', 'size', 'virtual_size', 'checksum', 'os_hash_algo', 'os_hash_value', 'self', 'file', 'schema', 'direct_url', 'stores', 'owner']);

const mismatch = (why: string) => refused(400, `Provided object does not match schema 'image': ${why}`);
const list = (values: readonly string[]): string => `[None, ${values.map((v) => `'${v}'`).join(', ')}]`;

/** One field of an image, as POST and PATCH give it. @throws ApiError 400, 403 */
export function setField(call: GlanceCall, image: Image, field: string, value: unknown): void {
  if (readOnly.has(field) && !(field === 'owner' && call.token.admin)) throw refused(403, `Attribute '${field}' is read-only.`);
  switch (field) {
    case 'owner':
      image.owner = String(value);
      return;
    case 'name':
      if (value !== null && typeof value !== 'string') throw mismatch(`${String(value)} is not of type 'null', 'string'`);
      image.name = value;
      return;
    case 'visibility':
      if (!['community', 'public', 'private', 'shared'].includes(String(value))) throw mismatch(`'${String(value)}' is not one of ['community', 'public', 'private', 'shared']`);
      if (value === 'public' && !call.token.admin) throw refused(403, 'You are not authorized to complete publicize_image action.');
      image.visibility = value as Image['visibility'];
      return;
    case 'disk_format':
      if (value !== null && !diskFormats.includes(String(value))) throw mismatch(`'${String(value)}' is not one of ${list(diskFormats)}`);
      image.diskFormat = value as string | null;
      return;
    case 'container_format':
      if (value !== null && !containerFormats.includes(String(value))) throw mismatch(`'${String(value)}' is not one of ${list(containerFormats)}`);
      image.containerFormat = value as string | null;
      return;
    case 'min_disk':
    case 'min_ram': {
      const n = Number(value);
      if (!Number.isInteger(n) || n < 0) throw mismatch(`${String(value)} is less than the minimum of 0`);
      if (field === 'min_disk') image.minDisk = n;
      else image.minRam = n;
      return;
    }
    case 'protected':
    case 'os_hidden':
      if (typeof value !== 'boolean') throw mismatch(`'${String(value)}' is not of type 'boolean'`);
      if (field === 'protected') image.protected = value;
      else image.hidden = value;
      return;
    case 'tags':
      if (!Array.isArray(value) || value.some((t) => typeof t !== 'string' || t.length > 255)) throw mismatch(`${JSON.stringify(value)} is not of type 'array'`);
      image.tags = [...new Set(value as string[])];
      return;
    default:
      if (typeof value !== 'string') throw mismatch(`${JSON.stringify(value)} is not of type 'string'`);
      image.properties = { ...image.properties, [field]: value };
  }
}
