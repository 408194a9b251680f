import { randomBytes, randomUUID } from 'node:crypto';
import { agentName, formatToken, parseToken, tokenHash } from '@godwit/agent';
import { GodwitError } from '@godwit/sites';
import { type Authority, type Issued, readRequest } from './ca/authority.ts';
import type { Store } from './store/store.ts';
import type { CreatedToken, TokenRequest } from './types.ts';

export interface EnrolmentOptions {
  readonly store: Store;
  readonly authority: Authority;
  readonly now: () => Date;
  readonly certificateLifeMs: number;
}

export interface Enrolled extends Issued {
  readonly id: string;
  readonly name: string;
  readonly site: string;
  readonly role: TokenRequest['role'];
}

const again = { action: 'Make a new one: godwit agent token create.' };

/** One-time tokens, and what they are good for. */
export class Enrolment {
  readonly #options: EnrolmentOptions;

  constructor(options: EnrolmentOptions) {
    this.#options = options;
  }

  async createToken({ name, site, role, ttlMs, createdBy }: TokenRequest): Promise<CreatedToken> {
    const { store, authority, now } = this.#options;
    if (!agentName.safeParse(name).success) throw new GodwitError('GW_AGENT_NAME_INVALID', 'terminal', `an agent cannot be called ${JSON.stringify(name.slice(0, 200))}`, { action: 'Use letters, digits, dots, dashes and underscores.' });
    if (await store.agent(name)) throw exists(name);
    const secret = randomBytes(32);
    const expiresAt = new Date(now().getTime() + ttlMs);
    await store.db.deleteFrom('godwit_agent_tokens').where('expires_at', '<', new Date(now().getTime() - 30 * 86_400_000)).execute();
    await store.db.insertInto('godwit_agent_tokens').values({ hash: tokenHash(secret.toString('base64url')), name, site, role, created_by: createdBy, expires_at: expiresAt }).execute();
    return { token: formatToken(secret, authority.der), name, site, role, expiresAt };
  }

  /** Throws GW_AGENT_TOKEN_…: a token is good for one name and one key. The same key may come again: its first answer was lost. */
  async enrol(token: string, name: string, csrPem: string): Promise<Enrolled> {
    const { store, authority, now, certificateLifeMs } = this.#options;
    const hash = tokenHash(parseToken(token).secret);
    // Before the request is looked at: strangers get no work out of us.
    const known = await store.db.selectFrom('godwit_agent_tokens').select('hash').where('hash', '=', hash).executeTakeFirst();
    if (!known) throw new GodwitError('GW_AGENT_TOKEN_INVALID', 'terminal', 'no controller of this database gave out this token', again);
    const { csr, keySha256 } = await readRequest(csrPem);
    return store.db.transaction().execute(async (trx) => {
      const row = await trx.selectFrom('godwit_agent_tokens').selectAll().where('hash', '=', hash).forUpdate().executeTakeFirst();
      if (!row) throw new GodwitError('GW_AGENT_TOKEN_INVALID', 'terminal', 'no controller of this database gave out this token', again);
      if (row.name !== name) throw new GodwitError('GW_AGENT_TOKEN_NAME', 'terminal', `the token is for another node than ${name}`, { action: 'Give --name as the token was made for, or make one for this name.' });
      if (row.expires_at <= now()) throw new GodwitError('GW_AGENT_TOKEN_EXPIRED', 'terminal', `the token for ${name} was good until ${row.expires_at.toISOString()}`, again);
      if (row.used_at !== null && row.key_sha256 !== keySha256) throw new GodwitError('GW_AGENT_TOKEN_USED', 'terminal', `the token for ${name} was used at ${row.used_at.toISOString()}`, { action: 'If that was not you: godwit agent revoke, and find out who. Else make a new one.' });
      const id = row.agent_id ?? randomUUID();
      const issued = await authority.issueAgent(csr, id, name, now(), certificateLifeMs);
      const certificate = { cert_sha256: issued.sha256, cert_expires_at: issued.expiresAt };
      if (row.used_at !== null) {
        const updated = await trx.updateTable('godwit_agents').set(certificate).where('id', '=', id).where('revoked_at', 'is', null).executeTakeFirst();
        if (updated.numUpdatedRows === 0n) throw new GodwitError('GW_AGENT_TOKEN_USED', 'terminal', `the agent ${name} was enrolled with this token, and revoked since`, again);
      } else {
        const inserted = await trx
          .insertInto('godwit_agents')
          .values({ id, name, site: row.site, role: row.role, ...certificate, previous_cert_sha256: null, enrolled_by: row.created_by })
          .onConflict((c) => c.column('name').doNothing())
          .executeTakeFirst();
        if (inserted.numInsertedOrUpdatedRows === 0n) throw exists(name);
        await trx.updateTable('godwit_agent_tokens').set({ used_at: now(), key_sha256: keySha256, agent_id: id }).where('hash', '=', hash).execute();
      }
      return { ...issued, id, name, site: row.site, role: row.role };
    });
  }
}

const exists = (name: string): GodwitError => new GodwitError('GW_AGENT_EXISTS', 'terminal', `there is an agent ${name} already`, { resource: `agent ${name}`, action: 'godwit agent remove it first, if this node takes its place.' });
