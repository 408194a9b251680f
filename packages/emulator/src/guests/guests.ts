import type { Contents, GuestsPart } from '../between.ts';
import type { Site } from '../core/site.ts';
import { contentsOf, type Sparse } from '../storage/sparse.ts';
import { bootGuest, freeze, type Guest, thaw, write } from './guest.ts';

const LOCAL = 'local:';
/** Stands for a server's own root disk where volumes are named. */
export const localDiskId = (serverId: string): string => `${LOCAL}${serverId}`;

/** From power on until the agent answers (a real one under emulation: 8 to 10 s). */
const BOOT_MS = 8_000;

/** The guests of a site: memory, so gone with its power. */
export class Guests implements GuestsPart {
  readonly #site: Site;
  readonly #running: Map<string, Guest>;
  readonly #byVolume = new Map<string, Guest>();
  readonly #intervalMs: number;
  /** Agents that a fault holds, by server. */
  readonly agents = new Map<string, 'absent' | 'hung'>();

  readonly #localDisk: (serverId: string) => Sparse | undefined;

  /**
   * @param running kept by the caller, so that it is saved with its state
   * @param localDisk root disk of a server, when it is no volume
   */
  constructor(site: Site, running: Map<string, Guest>, intervalMs: number, localDisk: (serverId: string) => Sparse | undefined) {
    this.#site = site;
    this.#localDisk = localDisk;
    this.#running = running;
    this.#intervalMs = intervalMs;
  }

  get(serverId: string): Guest | undefined {
    return this.#running.get(serverId);
  }

  /** @param volumes in the order of the guest's devices, root first */
  boot(serverId: string, volumes: readonly string[], agent: boolean): void {
    const now = this.#site.clock.now();
    const guest = bootGuest(serverId, now, { present: agent, from: now + BOOT_MS / this.#site.clock.speed }, volumes, (id) => this.contents(id));
    this.#running.set(serverId, guest);
    for (const id of volumes) this.#byVolume.set(id, guest);
  }

  /** Power off: what was written stays, a freeze ends with the guest. */
  stop(serverId: string): void {
    const guest = this.#running.get(serverId);
    if (!guest) return;
    this.#write(guest);
    thaw(guest, this.#site.clock.now());
    this.#running.delete(serverId);
    for (const id of guest.volumes) this.#byVolume.delete(id);
  }

  stopAll(): void {
    for (const id of [...this.#running.keys()]) this.stop(id);
  }

  freeze(serverId: string): void {
    const guest = this.#running.get(serverId);
    if (!guest || guest.frozenSince !== undefined) return;
    this.#write(guest);
    freeze(guest, this.#site.clock.now());
  }

  thaw(serverId: string): void {
    const guest = this.#running.get(serverId);
    if (guest) thaw(guest, this.#site.clock.now());
  }

  flush(volumeId: string): void {
    const guest = this.#byVolume.get(volumeId);
    if (guest) this.#write(guest);
  }

  all(): IterableIterator<Guest> {
    return this.#running.values();
  }

  /** After the map of the running ones was replaced. The time between did not pass for them. */
  restored(): void {
    this.#byVolume.clear();
    for (const guest of this.#running.values()) {
      guest.countedTo = this.#site.clock.now();
      for (const id of guest.volumes) this.#byVolume.set(id, guest);
    }
  }

  #write(guest: Guest): void {
    write(guest, this.#site.clock.now(), this.#intervalMs, (id) => this.contents(id));
  }

  contents(volumeId: string): Contents | undefined {
    if (volumeId.startsWith(LOCAL)) {
      const serverId = volumeId.slice(LOCAL.length);
      const disk = this.#localDisk(serverId);
      return disk && contentsOf(() => this.#localDisk(serverId) ?? disk);
    }
    return this.#site.part('volumes').contents(volumeId);
  }
}
