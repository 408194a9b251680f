import { join } from 'node:path';
import * as z from 'zod/mini';
import { readIfThere, writeDurably } from '../node/durable.ts';
import type { Files } from '../node/files.ts';
import { AgentError, reason } from '../protocol/errors.ts';
import { roles } from '../protocol/frames.ts';

const identityFile = z.object({
  id: z.string(),
  name: z.string(),
  site: z.string(),
  role: z.enum(roles),
  /** `host:port`, as given at enrolment and told by the controllers since. */
  controllers: z.array(z.string()),
  ca: z.string(),
  certificate: z.string(),
  key: z.string(),
});
export type Identity = z.infer<typeof identityFile>;

const file = (stateDir: string): string => join(stateDir, 'identity.json');

/** Throws GW_AGENT_NOT_ENROLLED. */
export async function loadIdentity(files: Files, stateDir: string): Promise<Identity> {
  const text = await readIfThere(files, file(stateDir)).catch((error: unknown) => {
    throw new AgentError('GW_AGENT_NOT_ENROLLED', 'terminal', `${file(stateDir)} cannot be read: ${reason(error)}`, { action: 'Run it as the user to whom that file belongs.' });
  });
  if (text === undefined) throw new AgentError('GW_AGENT_NOT_ENROLLED', 'terminal', `this node is not enrolled: there is no ${file(stateDir)}`, { action: 'godwit agent token create, then here: godwit-agent enrol.' });
  try {
    return identityFile.parse(JSON.parse(text));
  } catch {
    // What is wrong is not told: the parser would quote the key.
    throw new AgentError('GW_AGENT_NOT_ENROLLED', 'terminal', `${file(stateDir)} is damaged`, { action: 'Enrol this node again.' });
  }
}

/** Key and certificate change together, in one rename. Readable by its owner alone, who is the directory's. */
export async function storeIdentity(files: Files, stateDir: string, identity: Identity): Promise<void> {
  const dir = await files.stat(stateDir);
  const owner = dir && process.getuid?.() === 0 ? { uid: dir.uid, gid: dir.gid } : undefined;
  await writeDurably(files, file(stateDir), JSON.stringify(identity), 0o600, owner);
}
