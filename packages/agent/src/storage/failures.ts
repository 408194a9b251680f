import { AgentError } from '../protocol/errors.ts';
import type { RbdAnswer } from './run-rbd.ts';

/** `rbd` ends with the number of the error. */
export const errno = { notPermitted: 1, missing: 2, denied: 13, busy: 16, exists: 17, invalid: 22, noSpace: 28, readOnly: 30, timedOut: 110 } as const;

/** Its last line that is not the library's own log. */
function words({ stderr, stdout }: RbdAnswer): string {
  const lines = `${stdout}\n${stderr}`.split(/[\n\r]/).map((l) => l.trim()).filter((l) => l !== '');
  return (lines.findLast((l) => l.startsWith('rbd:')) ?? lines.findLast((l) => /librbd|error/i.test(l)) ?? lines.at(-1) ?? 'no reason given').replace(/^rbd: /, '').replace(/^\S+ \S+\s+-1 /, '').slice(0, 500);
}

/** What a failure of `rbd` means to whoever asked for it. */
export function failed(what: string, answer: RbdAnswer): AgentError {
  const text = `${what}: ${words(answer)}`;
  switch (answer.code) {
    case errno.missing:
      return new AgentError('GW_STORAGE_IMAGE_MISSING', 'terminal', text, { action: 'Look whether the volume is still there, and which pool it lies in.' });
    case errno.notPermitted:
    case errno.denied:
      return new AgentError('GW_STORAGE_FORBIDDEN', 'terminal', text, { action: 'Give the agent’s Ceph user the capabilities of docs/operators/agent.md, and its keyring to the agent.' });
    case errno.busy:
      return new AgentError('GW_STORAGE_BUSY', 'retryable', text, { action: 'Something else holds the image, or the other side has not handed it over yet; it is tried again.' });
    case errno.readOnly:
      return new AgentError('GW_STORAGE_NOT_PRIMARY', 'terminal', text, { action: 'The image is a copy here: it must be promoted first.' });
    case errno.noSpace:
      return new AgentError('GW_STORAGE_FULL', 'waiting', text, { action: 'Free space in the cluster, or add to it.' });
    case errno.timedOut:
      return new AgentError('GW_STORAGE_UNREACHABLE', 'retryable', text, { action: 'Look at the Ceph cluster of this site, and at the network to it.' });
    default:
      return new AgentError('GW_STORAGE_FAILED', 'retryable', `${text} (status ${answer.code})`, { action: 'Look at the Ceph cluster of this site.' });
  }
}
