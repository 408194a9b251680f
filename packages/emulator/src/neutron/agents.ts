import { noContent, ok, type Answer, type Json, type Route } from '../http/service.ts';
import { isAlive } from './binding.ts';
import { bodyOf, fault, flag, type NeutronCall } from './common.ts';
import { list } from './list.ts';
import type { Agent, NeutronState } from './state.ts';

const fields = ['id', 'agent_type', 'binary', 'topic', 'host', 'admin_state_up', 'created_at', 'started_at', 'heartbeat_timestamp', 'description', 'resources_synced', 'availability_zone', 'alive', 'configurations'];
const stamp = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace('T', ' ');

function view(call: NeutronCall, a: Agent): Json {
  const alive = isAlive(call.site, a);
  return {
    id: a.id, agent_type: a.type, binary: a.binary, topic: a.topic, host: a.host, admin_state_up: a.adminUp, created_at: stamp(a.createdAt), started_at: stamp(a.startedAt), heartbeat_timestamp: stamp(a.own && alive ? call.site.now() : a.beatAt), description: null,
    resources_synced: null, availability_zone: null, alive, configurations: a.configurations,
  };
}

function unpaged(query: URLSearchParams): URLSearchParams {
  const rest = new URLSearchParams(query);
  for (const key of ['limit', 'marker', 'page_reverse']) rest.delete(key);
  return rest;
}

function findAgent(call: NeutronCall): Agent {
  const agent = call.state.agents.get(call.params['id'] ?? '');
  if (!agent) throw fault(404, 'AgentNotFound', `Agent ${call.params['id'] ?? ''} could not be found.`);
  return agent;
}

/** Who is no administrator sees none, without being refused. Agents know no pages: all come at once, whatever limit is asked for. */
const listAgents = (call: NeutronCall): Answer => list({ ...call, query: unpaged(call.query) }, 'agents', call.token.admin ? [...call.state.agents.values()].map((a) => view(call, a)) : [], fields);

export const agentRoutes: readonly Route<NeutronState>[] = [
  { method: 'GET', path: '/agents', policy: 'any', handler: listAgents },
  { method: 'GET', path: '/agents/:id', policy: 'admin', rule: 'get_agent', handler: (call) => ok({ agent: view(call, findAgent(call)) }) },
  { method: 'PUT', path: '/agents/:id', policy: 'admin', rule: 'update_agent', handler: (call) => {
    const agent = findAgent(call);
    agent.adminUp = flag(bodyOf(call, 'agent', fields), 'admin_state_up', agent.adminUp);
    return ok({ agent: view(call, agent) });
  } },
  { method: 'DELETE', path: '/agents/:id', policy: 'admin', rule: 'delete_agent', handler: (call) => {
    call.state.agents.delete(findAgent(call).id);
    return noContent;
  } },
];
