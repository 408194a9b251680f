import { join } from 'node:path';
import * as z from 'zod/mini';
import { readIfThere, writeDurably } from '../node/durable.ts';
import type { Files } from '../node/files.ts';
import { AgentError } from '../protocol/errors.ts';
import { type GatewayNetwork, gatewayNetwork } from '../protocol/gateway.ts';
import { namesOf } from './names.ts';

const schema = z.object({ epoch: z.int(), active: z.boolean(), networks: z.array(gatewayNetwork) });

/** The last orders, on disk: with them a gateway that restarts needs no controller. */
export class Orders {
  readonly #files: Files;
  readonly #file: string;
  #networks = new Map<string, GatewayNetwork>();
  epoch = 0;
  active = false;
  /** Why the file was not read. */
  damaged: string | undefined;

  constructor(files: Files, stateDir: string) {
    this.#files = files;
    this.#file = join(stateDir, 'gateway.json');
  }

  get networks(): readonly GatewayNetwork[] {
    return [...this.#networks.values()];
  }

  get(network: string): GatewayNetwork | undefined {
    return this.#networks.get(network);
  }

  async load(): Promise<void> {
    const text = await readIfThere(this.#files, this.#file);
    if (text === undefined) return;
    try {
      const { epoch, active, networks } = schema.parse(JSON.parse(text));
      [this.epoch, this.active, this.#networks] = [epoch, active, new Map(networks.map((n) => [n.network, n]))];
    } catch {
      // Written whole or not at all; so somebody edited it. What is in the kernel stays until a controller orders anew.
      this.damaged = `${this.#file} is damaged`;
    }
  }

  /** Throws GW_GATEWAY_FENCED: another controller, or this one later, has given orders under a newer epoch. */
  admit(epoch: number): void {
    if (epoch >= this.epoch) return;
    throw new AgentError('GW_GATEWAY_FENCED', 'terminal', `an order under epoch ${epoch}; this gateway has seen epoch ${this.epoch}`, { action: 'Nothing: the newer orders hold.' });
  }

  async lead(epoch: number, active: boolean): Promise<void> {
    await this.#save(epoch, active, this.#networks);
  }

  /** Throws GW_GATEWAY_CLASH: two networks would be one. */
  async put(epoch: number, order: GatewayNetwork): Promise<void> {
    for (const other of this.#networks.values()) {
      if (other.network === order.network) continue;
      const same = other.siteVni === order.siteVni ? `VNI ${order.siteVni} of the site` : other.transitVni === order.transitVni ? `transit VNI ${order.transitVni}` : namesOf(other.network).bridge === namesOf(order.network).bridge ? 'the name of its interfaces' : undefined;
      if (same !== undefined) throw new AgentError('GW_GATEWAY_CLASH', 'terminal', `networks ${other.network} and ${order.network} would share ${same}`, { action: 'Stretch one of them with another VNI.' });
    }
    await this.#save(epoch, this.active, new Map(this.#networks).set(order.network, order));
  }

  async forget(epoch: number, network: string): Promise<void> {
    const rest = new Map(this.#networks);
    rest.delete(network);
    await this.#save(epoch, this.active, rest);
  }

  async #save(epoch: number, active: boolean, networks: Map<string, GatewayNetwork>): Promise<void> {
    this.admit(epoch);
    await writeDurably(this.#files, this.#file, JSON.stringify({ epoch, active, networks: [...networks.values()] }), 0o600);
    [this.epoch, this.active, this.#networks, this.damaged] = [epoch, active, networks, undefined];
  }
}
