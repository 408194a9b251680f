import { ApiError, conflict, notFound } from '../errors.ts';
import type { Call } from '../http/service.ts';
import type { NovaState, Server } from './state.ts';

export type NCall = Call<NovaState>;

/** A server that this caller may know of. @throws ApiError 404: another project's is not there */
export function serverOf(call: NCall, id = call.params['id'] ?? ''): Server {
  const server = call.state.servers.get(id);
  if (!server || !(call.token.admin || call.token.roles.includes('service') || server.projectId === call.token.projectId)) throw notFound(`Instance ${id} could not be found.`);
  return server;
}

/** @throws ApiError 403 */
export function mayChange({ token }: NCall, rule: string): void {
  if (!token.admin && !token.member) throw new ApiError(403, `Policy doesn't allow ${rule} to be performed.`);
}

/** @throws ApiError 409: somebody locked it, and the caller is no administrator */
export function assertUnlocked({ token }: NCall, server: Server): void {
  if (server.locked !== null && !token.admin) throw conflict(`Instance ${server.id} is locked`);
}

/** @throws ApiError 409 */
export function assertState(server: Server, action: string, vmStates: readonly Server['vmState'][], idle = true): void {
  if (!vmStates.includes(server.vmState)) throw conflict(`Cannot '${action}' instance ${server.id} while it is in vm_state ${server.vmState}`);
  if (idle && server.taskState !== null) throw conflict(`Cannot '${action}' instance ${server.id} while it is in task_state ${server.taskState}`);
}
