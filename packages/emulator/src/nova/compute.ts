import type { Site } from '../core/site.ts';
import { imageRecord } from '../glance/state.ts';
import { Guests, localDiskId } from '../guests/guests.ts';
import { copyOf, createSparse, type Sparse } from '../storage/sparse.ts';
import type { NovaState, Server } from './state.ts';

/** How long a real one's steps take (measured in the lab, on a loaded machine). */
const TIMES = { schedule: 700, network: 2_000, volumes: 3_500, spawn: 6_000, stop: 5_000, start: 5_000, reboot: 6_000, delete: 2_500 } as const;

/** The most that one server may ask of it; placement shows the same. */
export const hypervisor = { vcpus: 100, ramMiB: 1_000_000, diskGiB: 1_000 } as const;

/** nova-compute of a site's hypervisor: what happens after the API has said yes. */
export class Compute {
  readonly site: Site;
  readonly state: NovaState;
  readonly guests: Guests;
  /** Told when a server's agent answers again. */
  onAgentBack: (serverId: string) => void = () => undefined;
  /** Casts that wait for the daemon, as in its queue; a death of the site loses them. */
  #waiting: (() => void)[] = [];

  constructor(site: Site, state: NovaState, writerMs: number) {
    this.site = site;
    this.state = state;
    this.guests = new Guests(site, state.guests, writerMs, (serverId) => state.servers.get(serverId)?.localDisk);
  }

  get running(): boolean {
    return this.site.running('nova-compute') && this.site.running('hypervisor');
  }

  /** Runs when the daemon does: at once, or when it is back. */
  whenRunning(action: () => void): void {
    if (this.running) action();
    else this.#waiting.push(action);
  }

  /** It was started again. */
  resume(): void {
    if (!this.running) return;
    for (const action of this.#waiting.splice(0)) action();
  }

  lost(): void {
    this.#waiting = [];
    this.guests.stopAll();
  }

  /** The next step of a server, unless it was deleted meanwhile. */
  #step(server: Server, ms: number, action: () => void): void {
    this.site.work(ms, () => {
      // What the daemon had under way when it stopped is not gone on with.
      if (this.running && this.state.servers.get(server.id) === server) action();
    });
  }

  #touch(server: Server, change: Partial<Pick<Server, 'vmState' | 'taskState' | 'powerState'>>): void {
    Object.assign(server, change);
    server.updated = this.site.now();
  }

  build(server: Server): void {
    this.#step(server, TIMES.schedule, () => {
      const { vcpus, ram, disk } = server.flavor;
      if (vcpus > hypervisor.vcpus || ram > hypervisor.ramMiB || disk > hypervisor.diskGiB) return this.#fail(server, 'No valid host was found. There are not enough hosts available.');
      server.host = this.site.host;
      server.zone = 'nova';
      this.#touch(server, { taskState: 'networking' });
      this.whenRunning(() => this.#step(server, TIMES.network, () => this.#attachVolumes(server)));
    });
  }

  #attachVolumes(server: Server): void {
    if (server.taskState === 'deleting') return;
    for (const { id } of server.ports) if (this.site.part('ports').get(id)) this.site.part('ports').bind(id, { deviceId: server.id, deviceOwner: `compute:${server.zone ?? 'nova'}`, host: this.site.host });
    this.#touch(server, { taskState: 'block_device_mapping' });
    this.#step(server, TIMES.volumes, () => {
      const failure = this.site.failing('spawn', server.name);
      if (failure !== undefined) return this.#fail(server, failure);
      if (server.taskState === 'deleting') return;
      const volumes = this.site.part('volumes');
      for (const v of server.volumes) volumes.attach(v.volumeId, { attachmentId: v.attachmentId, serverId: server.id, host: this.site.host, device: v.device });
      this.#touch(server, { taskState: 'spawning' });
      this.#step(server, TIMES.spawn, () => {
        if (server.taskState === 'deleting') return;
        server.launchedAt = this.site.now();
        if (server.imageId !== null) server.localDisk = this.#diskOf(server, server.imageId);
        this.#touch(server, { vmState: 'active', taskState: null, powerState: 1 });
        this.#boot(server);
      });
    });
  }

  #fail(server: Server, message: string): void {
    const volumes = this.site.part('volumes');
    for (const v of server.volumes) volumes.detach(v.volumeId, server.id);
    for (const p of server.ports) this.site.part('ports').unbind(p.id);
    server.host = null;
    server.fault = { code: 500, message, created: this.site.now() };
    this.#touch(server, { vmState: 'error', taskState: null, powerState: 0 });
  }

  #boot(server: Server): void {
    const volumes = this.site.part('volumes');
    const volumeIds = [...server.volumes].sort((a, b) => (a.device < b.device ? -1 : 1)).map((v) => v.volumeId);
    const ids = server.localDisk ? [localDiskId(server.id), ...volumeIds] : volumeIds;
    const properties = server.imageId === null ? volumes.get(ids[0] ?? '')?.imageMetadata : this.site.part('images').get(server.imageId)?.properties;
    this.guests.boot(server.id, ids, /^(yes|true|1)$/i.test(properties?.['hw_qemu_guest_agent'] ?? ''));
  }

  /** The image's bytes, and room up to the flavor's size. */
  #diskOf({ flavor }: Server, imageId: string): Sparse {
    const data = imageRecord(this.site, imageId)?.data;
    const size = Math.max(flavor.disk * 2 ** 30, data?.size ?? 0);
    return data ? copyOf(data, size) : createSparse(size);
  }

  stop(server: Server): void {
    this.#touch(server, { taskState: 'powering-off' });
    this.whenRunning(() => this.#step(server, TIMES.stop, () => {
      if (server.taskState !== 'powering-off') return;
      this.guests.stop(server.id);
      this.#touch(server, { vmState: 'stopped', taskState: null, powerState: 4 });
    }));
  }

  start(server: Server): void {
    this.#touch(server, { taskState: 'powering-on' });
    this.whenRunning(() => this.#step(server, TIMES.start, () => {
      if (server.taskState !== 'powering-on') return;
      this.#touch(server, { vmState: 'active', taskState: null, powerState: 1 });
      this.#boot(server);
    }));
  }

  reboot(server: Server, hard: boolean): void {
    this.#touch(server, { taskState: hard ? 'rebooting_hard' : 'rebooting' });
    this.whenRunning(() => this.#step(server, TIMES.reboot, () => {
      this.guests.stop(server.id);
      this.#touch(server, { vmState: 'active', taskState: null, powerState: 1 });
      this.#boot(server);
    }));
  }

  pause(server: Server, paused: boolean): void {
    this.#touch(server, { taskState: paused ? 'pausing' : 'unpausing' });
    this.whenRunning(() => this.#step(server, 300, () => {
      if (paused) this.guests.freeze(server.id);
      else this.guests.thaw(server.id);
      this.#touch(server, { vmState: paused ? 'paused' : 'active', taskState: null, powerState: paused ? 3 : 1 });
    }));
  }

  delete(server: Server): void {
    const built = server.host !== null;
    this.#touch(server, { taskState: 'deleting' });
    const finish = (): void => this.#gone(server);
    // Nothing is anywhere yet: the API deletes it by itself.
    if (!built) this.#step(server, 300, finish);
    else this.whenRunning(() => this.#step(server, TIMES.delete, finish));
  }

  #gone(server: Server): void {
    this.guests.stop(server.id);
    const volumes = this.site.part('volumes');
    this.state.servers.delete(server.id);
    for (const v of server.volumes) {
      volumes.detach(v.volumeId, server.id);
      if (v.deleteOnTermination) volumes.delete(v.volumeId);
    }
    for (const p of server.ports) {
      const ports = this.site.part('ports');
      if (!ports.get(p.id)) continue;
      if (p.owned) ports.delete(p.id);
      else ports.unbind(p.id);
    }
  }

  /** Its host is up again after it lost its power: guests stay off (resume_guests_state_on_host_boot is off), what was half done ends as errors. */
  found(): void {
    for (const server of this.state.servers.values()) {
      if (server.taskState === 'deleting') {
        this.delete(server);
        continue;
      }
      if (server.vmState === 'building') this.#fail(server, 'Build of instance aborted: the host restarted');
      else if (server.vmState === 'active' || server.vmState === 'paused') this.#touch(server, { vmState: 'stopped', taskState: null, powerState: 4 });
      else this.#touch(server, { taskState: null });
    }
  }

  /** The daemon alone was restarted: guests ran on; deletes are gone on with, other work in flight is given up. */
  restarted(): void {
    this.resume();
    for (const server of this.state.servers.values()) {
      if (server.taskState === 'deleting') this.delete(server);
      else if (server.vmState === 'building' && server.host !== null && server.taskState !== 'networking') this.#fail(server, 'Build of instance aborted: nova-compute restarted');
      else if (server.taskState === 'powering-off') this.stop(server);
      else if (server.taskState === 'powering-on') this.start(server);
    }
  }
}
