import { join } from 'node:path';
import { openChannel } from '../link/channel.ts';
import { parseAddress, showAddress, tidy } from '../node/addresses.ts';
import { readIfThere, writeDurably } from '../node/durable.ts';
import type { Files } from '../node/files.ts';
import { AgentError } from '../protocol/errors.ts';
import { protocolVersion } from '../protocol/frames.ts';
import { parseToken } from '../protocol/token.ts';
import type { Address } from '../protocol/values.ts';
import { fetchControllerCa } from './controller-ca.ts';
import { makeCsr, newKey } from './csr.ts';
import { type Identity, storeIdentity } from './identity.ts';

export interface EnrolOptions {
  readonly files: Files;
  readonly stateDir: string;
  /** Any of the controllers. */
  readonly controllers: readonly string[];
  readonly token: string;
  readonly name: string;
  readonly agentVersion: string;
}

/**
 * Makes this node known to its controllers. The key is written down before the certificate is asked for: if the answer is lost, the same
 * command with the same token gets it again, as it comes with the same key.
 */
export async function enrol({ files, stateDir, controllers, token, name, agentVersion }: EnrolOptions): Promise<Identity> {
  const { caSha256 } = parseToken(token);
  const keyFile = join(stateDir, 'enrolment-key.pem');
  await files.makeDir(stateDir, 0o700);
  let key = await readIfThere(files, keyFile);
  if (key === undefined) await writeDurably(files, keyFile, (key = newKey()), 0o600);

  let failure: unknown;
  for (const controller of controllers) {
    const address = parseAddress(controller);
    try {
      const ca = await fetchControllerCa(address, caSha256);
      const answer = await request(address, ca, { t: 'enrol', v: protocolVersion, token: token.trim(), name, csr: makeCsr(key, name), agentVersion });
      const { id, site, role, certificate } = answer;
      const identity: Identity = { id, name, site, role, ca: answer.ca, certificate, key, controllers: tidy([...controllers.map((c) => showAddress(parseAddress(c))), ...answer.controllers]) };
      await storeIdentity(files, stateDir, identity);
      await files.unlink(keyFile);
      return identity;
    } catch (error) {
      // Another controller may be reached; one that refuses speaks for all.
      if (!(error instanceof AgentError) || error.kind === 'terminal') throw error;
      failure = error;
    }
  }
  throw failure;
}

type Enrolled = Extract<Parameters<Awaited<ReturnType<typeof openChannel>>['onFrame']>[0], { t: 'enrolled' }>;
type Enrol = Extract<Parameters<Awaited<ReturnType<typeof openChannel>>['send']>[0], { t: 'enrol' }>;

async function request(address: Address, ca: string, frame: Enrol): Promise<Enrolled> {
  const channel = await openChannel(address, { ca });
  const timer = setTimeout(() => channel.close(new AgentError('GW_AGENT_UNREACHABLE', 'retryable', `${showAddress(address)} did not answer the request`)), 20_000);
  try {
    return await new Promise<Enrolled>((resolve, reject) => {
      channel.onFrame = (answer) => {
        if (answer.t === 'enrolled') resolve(answer);
        else if (answer.t === 'refused') reject(new AgentError(answer.error.code as `GW_${string}`, answer.error.kind, answer.error.message, answer.error.action === undefined ? {} : { action: answer.error.action }));
      };
      channel.onClose = (error) => reject(error instanceof AgentError ? error : new AgentError('GW_AGENT_UNREACHABLE', 'retryable', `${showAddress(address)} closed the connection`, { cause: error }));
      channel.send(frame);
    });
  } finally {
    clearTimeout(timer);
    channel.close();
  }
}
