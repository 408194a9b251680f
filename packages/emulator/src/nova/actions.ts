import { z } from 'zod';
import { ApiError, badRequest, conflict, notFound } from '../errors.ts';
import { accepted, type Answer, ok } from '../http/service.ts';
import { createImage } from './create-image.ts';
import { invalid } from './format.ts';
import { assertState, assertUnlocked, mayChange, type NCall, serverOf } from './lookup.ts';
import { compute } from './runtime.ts';
import type { Server } from './state.ts';

interface Action {
  readonly rule: string;
  /** Of another project or unknown: what the 404 says. */
  readonly unknown?: (id: string) => string;
  readonly admin?: true;
  run(call: NCall, server: Server, argument: unknown): Answer;
}

const noCell = (id: string): string => `Instance ${id} has no mapping to a cell.`;

const actions: Readonly<Record<string, Action>> = {
  'os-stop': {
    rule: 'os_compute_api:servers:stop', unknown: noCell,
    run: (call, server) => {
      assertUnlocked(call, server);
      assertState(server, 'stop', ['active', 'error']);
      compute(call.site).stop(server);
      return accepted();
    },
  },
  'os-start': {
    rule: 'os_compute_api:servers:start', unknown: noCell,
    run: (call, server) => {
      assertUnlocked(call, server);
      assertState(server, 'start', ['stopped']);
      compute(call.site).start(server);
      return accepted();
    },
  },
  reboot: {
    rule: 'os_compute_api:servers:reboot',
    run: (call, server, argument) => {
      const type = z.object({ type: z.string().transform((t) => t.toUpperCase()).pipe(z.enum(['SOFT', 'HARD'])) }).safeParse(argument);
      if (!type.success) throw invalid('type', (argument as { type?: unknown } | null)?.type, "is not one of ['HARD', 'Hard', 'hard', 'SOFT', 'Soft', 'soft']");
      const hard = type.data.type === 'HARD';
      assertUnlocked(call, server);
      assertState(server, 'reboot', hard ? ['active', 'stopped', 'paused', 'error'] : ['active']);
      compute(call.site).reboot(server, hard);
      return accepted();
    },
  },
  pause: {
    rule: 'os_compute_api:os-pause-server:pause',
    run: (call, server) => {
      assertUnlocked(call, server);
      assertState(server, 'pause', ['active']);
      compute(call.site).pause(server, true);
      return accepted();
    },
  },
  unpause: {
    rule: 'os_compute_api:os-pause-server:unpause',
    run: (call, server) => {
      assertUnlocked(call, server);
      assertState(server, 'unpause', ['paused']);
      compute(call.site).pause(server, false);
      return accepted();
    },
  },
  lock: {
    rule: 'os_compute_api:os-lock-server:lock',
    run: (call, server, argument) => {
      const reason = (argument as { locked_reason?: unknown } | null)?.locked_reason;
      if (reason !== undefined && call.micro < 73) throw invalid('lock', argument, 'is not of type \'null\'');
      if (reason !== undefined && typeof reason !== 'string') throw invalid('locked_reason', reason, "is not of type 'string'");
      // A lock by the server's own project over another is accepted, and changes nothing.
      const owner = server.projectId === call.token.projectId;
      if (server.locked === null || !owner) server.locked = { by: owner ? 'owner' : 'admin', reason: reason ?? null };
      return accepted();
    },
  },
  unlock: {
    rule: 'os_compute_api:os-lock-server:unlock',
    run: (call, server) => {
      if (server.locked?.by === 'admin' && !call.token.admin) throw new ApiError(403, "Policy doesn't allow os_compute_api:os-lock-server:unlock:unlock_override to be performed.");
      server.locked = null;
      return accepted();
    },
  },
  createImage: { rule: 'os_compute_api:servers:create_image', run: createImage },
  'os-getConsoleOutput': {
    rule: 'os_compute_api:os-console-output',
    run: ({ site }, server, argument) => {
      if (server.host === null) throw conflict(`Instance ${server.id} is not ready`);
      const guest = site.parts.guests && compute(site).guests.get(server.id);
      const lines = guest ? ['SeaBIOS', 'Booting from Hard Disk...', `writer continues after ${String(guest.n)}`] : [];
      const length = (argument as { length?: unknown } | null)?.length;
      const shown = typeof length === 'number' || typeof length === 'string' ? lines.slice(-Number(length)) : lines;
      return ok({ output: shown.length === 0 ? '' : `${shown.join('\n')}\n` });
    },
  },
  'os-resetState': {
    rule: 'os_compute_api:os-admin-actions:reset_state', admin: true,
    run: (_, server, argument) => {
      server.vmState = (argument as { state?: string } | null)?.state === 'active' ? 'active' : 'error';
      server.taskState = null;
      return accepted();
    },
  },
  forceDelete: {
    rule: 'os_compute_api:os-deferred-delete:force',
    run: (call, server) => {
      compute(call.site).delete(server);
      return accepted();
    },
  },
};

/** POST /servers/{id}/action */
export function serverAction(call: NCall): Answer {
  const [name] = Object.keys(call.body);
  const action = name === undefined ? undefined : actions[name];
  if (!action || name === undefined) throw badRequest(`There is no such action: ${name ?? ''}`);
  const id = call.params['id'] ?? '';
  if (!call.state.servers.has(id) && action.unknown) throw notFound(action.unknown(id));
  const server = serverOf(call, id);
  mayChange(call, action.rule);
  if (action.admin && !call.token.admin) throw new ApiError(403, `Policy doesn't allow ${action.rule} to be performed.`);
  return action.run(call, server, call.body[name]);
}
