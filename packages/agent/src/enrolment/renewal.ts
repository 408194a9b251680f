import { X509Certificate } from 'node:crypto';
import type { Files } from '../node/files.ts';
import type { Log } from '../node/log.ts';
import { reason } from '../protocol/errors.ts';
import { makeCsr, newKey } from './csr.ts';
import { type Identity, storeIdentity } from './identity.ts';

const answerMs = 60_000;

/** Has the certificate renewed, with a new key, once two thirds of its life are over. The old one stays good until the new one is on the disk and used. */
export class Renewal {
  readonly #files: Files;
  readonly #stateDir: string;
  readonly #log: Log;
  #identity: Identity;
  #asked: { readonly key: string; readonly at: number } | undefined;
  #due: number;

  constructor(files: Files, stateDir: string, identity: Identity, log: Log) {
    this.#files = files;
    this.#stateDir = stateDir;
    this.#identity = identity;
    this.#log = log;
    this.#due = dueAt(identity.certificate);
  }

  get identity(): Identity {
    return this.#identity;
  }

  /** Asks through `send` if it is time. */
  tick(now: number, send: (csr: string) => boolean): void {
    if (now < this.#due || (this.#asked && now - this.#asked.at < answerMs)) return;
    const key = newKey();
    if (send(makeCsr(key, this.#identity.name))) this.#asked = { key, at: now };
  }

  /** The controller says that it is time, whatever the clock here says. */
  hurry(): void {
    this.#due = 0;
    this.#asked = undefined;
  }

  async take({ certificate, ca }: { readonly certificate: string; readonly ca: string }): Promise<void> {
    const asked = this.#asked;
    if (!asked) return;
    this.#asked = undefined;
    try {
      await this.#store({ ...this.#identity, certificate, ca, key: asked.key });
      this.#due = dueAt(certificate);
      this.#log('info', 'certificate renewed', { until: new X509Certificate(certificate).validTo });
    } catch (error) {
      this.#log('error', 'the new certificate cannot be stored; the old one goes on', { reason: reason(error) });
    }
  }

  /** Addresses of controllers that were not known before are kept for the next start. */
  async learn(controllers: readonly string[]): Promise<void> {
    const known = this.#identity.controllers;
    if (controllers.length === known.length && controllers.every((c) => known.includes(c))) return;
    await this.#store({ ...this.#identity, controllers: [...controllers] }).catch((error: unknown) => this.#log('error', 'the controllers’ addresses cannot be stored', { reason: reason(error) }));
  }

  async #store(identity: Identity): Promise<void> {
    await storeIdentity(this.#files, this.#stateDir, identity);
    this.#identity = identity;
  }
}

function dueAt(certificate: string): number {
  const { validFrom, validTo } = new X509Certificate(certificate);
  const [from, to] = [Date.parse(validFrom), Date.parse(validTo)];
  return from + ((to - from) * 2) / 3;
}
