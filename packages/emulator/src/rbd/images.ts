import { cinder } from '../cinder/index.ts';
import type { RbdImage, RbdSnapshot } from '../cinder/rbd-state.ts';
import type { CinderState, Volume } from '../cinder/state.ts';
import type { Site } from '../core/site.ts';
import { copyOf, createSparse, type Sparse } from '../storage/sparse.ts';

/** A site's pool of volumes: Cinder's own, and what lies beside them. */
export class Pool {
  readonly site: Site;
  readonly state: CinderState;

  constructor(site: Site) {
    this.site = site;
    this.state = site.state(cinder);
  }

  #volume(name: string): Volume | undefined {
    const volume = this.state.volumes.get(name.replace(/^volume-/, ''));
    // An image that was renamed leaves its volume without one.
    return volume && !this.#gone.has(volume.id) ? volume : undefined;
  }

  /** Volumes whose image has another name now: a mark in their metadata-less state, kept with the site's. */
  get #gone(): Set<string> {
    return this.state.rbdGone;
  }

  has(name: string): boolean {
    return this.state.unmanaged.has(name) || this.#volume(name) !== undefined;
  }

  /** The bytes as they are now; what a guest has in hand is written first. */
  data(name: string): Sparse | undefined {
    const volume = this.#volume(name);
    if (!volume) return this.state.unmanaged.get(name)?.data;
    this.site.parts.guests?.flush(volume.id);
    return volume.data;
  }

  put(name: string, data: Sparse): void {
    const volume = this.state.volumes.get(name.replace(/^volume-/, ''));
    if (volume) {
      volume.data = data;
      this.#gone.delete(volume.id);
      this.state.unmanaged.delete(name);
    } else this.state.unmanaged.set(name, { name, data });
  }

  image(name: string): RbdImage {
    let image = this.state.rbdImages.get(name);
    if (!image) this.state.rbdImages.set(name, (image = { internalId: this.site.random.hex(12), meta: {}, snapshots: [], mirror: undefined }));
    return image;
  }

  remove(name: string): void {
    const volume = this.#volume(name);
    if (volume) this.#empty(volume);
    this.state.unmanaged.delete(name);
    this.state.rbdImages.delete(name);
  }

  rename(from: string, to: string): void {
    const data = this.data(from) ?? createSparse(0);
    const image = this.image(from);
    const copy = copyOf(data);
    const volume = this.#volume(from);
    if (volume) this.#empty(volume);
    this.state.unmanaged.delete(from);
    this.state.rbdImages.delete(from);
    this.put(to, copy);
    this.state.rbdImages.set(to, image);
  }

  #empty(volume: Volume): void {
    volume.data = createSparse(volume.data.size);
    this.#gone.add(volume.id);
  }

  snapshot(name: string, snapName: string, mirror?: RbdSnapshot['mirror']): RbdSnapshot {
    const image = this.image(name);
    const snapshot: RbdSnapshot = { id: this.state.rbdFacts.nextId++, name: snapName, data: copyOf(this.data(name) ?? createSparse(0)), takenAt: this.site.clock.now(), ...(mirror && { mirror }) };
    image.snapshots = [...image.snapshots, snapshot];
    return snapshot;
  }

  /** By global id. */
  withId(globalId: string): [string, RbdImage] | undefined {
    return [...this.state.rbdImages.entries()].find(([, i]) => i.mirror?.globalId === globalId);
  }
}
