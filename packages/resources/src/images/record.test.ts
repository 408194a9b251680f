import type { Image, ImagePatch } from '@godwit/openstack';
import { describe, expect, it } from 'vitest';
import { differences, marks, patchTo, recordOf, visibilityFor } from './record.ts';

const image = (more: Partial<Image> = {}): Image => ({ id: 'i', name: 'app', status: 'active', size: 3, min_disk: 1, min_ram: 2, tags: ['b', 'a'], visibility: 'shared', protected: true, os_hidden: false, disk_format: 'raw', container_format: 'bare', os_hash_algo: 'sha512', os_hash_value: 'ff', hw_disk_bus: 'virtio', 'trait:A~b/c': 'required', os_glance_failed_import: '', stores: 'file1', ...more }) as Image;

/** What Glance makes of a patch. */
function apply(to: Image, patch: readonly ImagePatch[]): Image {
  const next: Record<string, unknown> = { ...to };
  for (const { op, path, value } of patch) {
    const key = path.slice(1).replaceAll('~1', '/').replaceAll('~0', '~');
    if (op === 'add' && key in next) throw new Error(`${key} is there`);
    if (op !== 'add' && !(key in next)) throw new Error(`${key} is not there`);
    if (op === 'remove') delete next[key];
    else next[key] = value;
  }
  return next as Image;
}

describe('a whole image', () => {
  const record = recordOf(image(), []);

  it('is what its site did not make itself', () => {
    expect(record.properties).toEqual({ hw_disk_bus: 'virtio', 'trait:A~b/c': 'required' });
    expect(record).toMatchObject({ origin: 'i', tags: ['a', 'b'], minDisk: 1, minRam: 2, visibility: 'shared', protected: true, hash: { algorithm: 'sha512', value: 'ff' } });
  });

  it('one patch makes a working image of another name like it; done twice, nothing is left to change', () => {
    const working = image({ id: 'w', name: 'godwit-clone-j', os_hidden: true, visibility: 'private', protected: false, tags: [], min_disk: 0, hw_disk_bus: undefined, 'trait:A~b/c': undefined, old: 'x', [marks.job]: 'j', [marks.origin]: 'i', [marks.originSite]: 'site1' });
    for (const key of ['hw_disk_bus', 'trait:A~b/c']) delete (working as Record<string, unknown>)[key];
    const after = apply(working, patchTo(working, record));
    expect(after).toMatchObject({ name: 'app', os_hidden: false, visibility: 'shared', protected: true, hw_disk_bus: 'virtio', [marks.origin]: 'i', [marks.originSite]: 'site1' });
    expect(after).not.toHaveProperty(marks.job);
    expect(after).not.toHaveProperty('old');
    expect([patchTo(after, record), differences(after, record)]).toEqual([[], []]);
    // The name is the last that is set: until then it cannot be found by it.
    expect(patchTo(working, record).at(-1)).toEqual({ op: 'replace', path: '/name', value: 'app' });
  });

  it('a copy of a copy is of the first image; only an administrator’s is public', () => {
    expect(recordOf(image({ id: 'c', [marks.origin]: 'first' }), []).origin).toBe('first');
    expect([visibilityFor('public', false), visibilityFor('public', true), visibilityFor('community', false)]).toEqual(['private', 'public', 'community']);
  });
});
