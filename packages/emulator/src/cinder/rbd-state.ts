import type { Sparse } from '../storage/sparse.ts';

export interface RbdSnapshot {
  readonly id: number;
  readonly name: string;
  readonly data: Sparse;
  readonly takenAt: number;
  /** Of a mirror snapshot; left out: the user's own. */
  readonly mirror?: { readonly state: 'primary' | 'non-primary' | 'demoted'; readonly primarySnapId?: number; /** Of the primary when it was taken. */ readonly imageName: string };
}

/** What Ceph keeps of an image beside its data, which is the volume's or what lies unmanaged under its name. */
export interface RbdImage {
  readonly internalId: string;
  readonly meta: Record<string, string>;
  snapshots: RbdSnapshot[];
  mirror: { readonly mode: 'snapshot' | 'journal'; readonly globalId: string; primary: boolean; /** Had been told to give up what it has. */ resync: boolean; /** Has written as primary what the other side does not know. */ split: boolean } | undefined;
}


/** Of the site's Ceph: follows from the seed. */
export function cephFsid(site: { secret(name: string): string }): string {
  const h = `${site.secret('ceph/fsid')}${site.secret('ceph/fsid/more')}`;
  return `${h.slice(0, 8)}-${h.slice(8, 12)}-4${h.slice(13, 16)}-8${h.slice(17, 20)}-${h.slice(20, 32)}`;
}
