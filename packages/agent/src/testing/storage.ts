import { Commands } from '../node/commands.ts';
import { StorageRole } from '../storage/role.ts';
import type { Command } from '../protocol/command.ts';
import type { RunRbd } from '../storage/run-rbd.ts';

export interface StorageInProcess {
  /** As a controller's hub calls it. Rejects with AgentError. */
  call<A, R>(command: Command<A, R>, args: A, signal?: AbortSignal): Promise<R>;
}

/** The storage role without a connection: its commands, their arguments checked, over whatever answers for `rbd`. */
export function storageInProcess(run: RunRbd, conf: () => Promise<string>): StorageInProcess {
  const role = new StorageRole({ config: { pools: ['volumes'] }, run, readConf: conf, log: () => undefined });
  const commands = new Commands(role.handlers);
  const never = new AbortController().signal;
  return {
    call: async (command, args, signal = never) => command.result.parse(await commands.run(command.name, args, command.timeoutMs, signal)),
  };
}
