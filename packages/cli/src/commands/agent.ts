import { buildRouteMap } from '@stricli/core';
import type { Agent, AgentToken } from '../api/types.ts';
import { confirmed } from '../cli.ts';
import { command, type Context, integer, string } from '../command.ts';
import { ago, bytes, duration } from '../output/humane.ts';
import type { Column } from '../output/printer.ts';

const columns = (now: Date): Column<Agent>[] => [
  { key: 'name', header: 'Name', value: (a) => a.name },
  { key: 'site', header: 'Site', value: (a) => a.site },
  { key: 'role', header: 'Role', value: (a) => a.role },
  { key: 'state', header: 'State', value: (a) => a.state },
  { key: 'connected', header: 'Connected', value: (a) => a.connected, text: (a) => (a.connected ? 'yes' : 'NO') },
  { key: 'ready', header: 'Ready', value: (a) => readyOf(a)?.ok, text: (a) => readyText(a) },
  { key: 'lastSeen', header: 'Last seen', value: (a) => a.lastSeen, text: (a) => (a.lastSeen === undefined ? 'never' : ago(a.lastSeen, now)) },
  { key: 'skewMs', header: 'Clock', value: (a) => a.skewMs, text: (a) => (a.skewMs === undefined || Math.abs(a.skewMs) < 1_000 ? '' : `${a.skewMs < 0 ? '-' : '+'}${duration(Math.abs(a.skewMs))}`) },
];

interface Ready {
  readonly ok: boolean;
  readonly reasons: readonly { readonly code: string; readonly message: string }[];
}

const readyOf = (agent: Agent): Ready | undefined => (agent.report?.[agent.role] as { ready?: Ready } | undefined)?.ready;

function readyText(agent: Agent): string {
  const ready = agent.connected ? readyOf(agent) : undefined;
  if (ready === undefined) return '';
  return ready.ok ? 'yes' : `NO: ${ready.reasons.map((r) => r.code).join(', ')}`;
}

const list = command<{ readonly site?: string }>({
  brief: 'List the agents and how they are',
  flags: { site: { kind: 'parsed', parse: string, optional: true, placeholder: 'SITE', brief: 'Only of this site' } },
  run: async (cli, { flags }) => cli.print.list((await cli.api.get<{ agents: Agent[] }>('/v1/agents', { site: flags.site })).agents, columns(cli.io.now())),
});

const showColumns = (now: Date): Column<Agent>[] => [
  ...columns(now).filter((c) => c.key !== 'ready'),
  { key: 'id', header: 'ID', value: (a) => a.id },
  { key: 'controllers', header: 'Controllers', value: (a) => a.controllers, text: (a) => a.controllers.join(', ') },
  { key: 'version', header: 'Version', value: (a) => a.report?.agentVersion },
  { key: 'rssBytes', header: 'Memory', value: (a) => a.report?.rssBytes, text: (a) => (a.report === undefined ? '' : bytes(a.report.rssBytes)) },
  { key: 'enrolledAt', header: 'Enrolled', value: (a) => a.enrolledAt, text: (a) => ago(a.enrolledAt, now) },
  { key: 'certificateExpiresAt', header: 'Certificate until', value: (a) => a.certificateExpiresAt },
  { key: 'ready', header: 'Ready', value: (a) => readyOf(a)?.ok, text: (a) => (readyOf(a)?.ok === true ? 'yes' : readyOf(a) ? 'NO' : '') },
];

const show = command({
  brief: 'Show an agent, and what it reports',
  args: [{ name: 'agent', brief: 'Name or id' }],
  run: async (cli, { args }) => {
    const agent = await cli.api.get<Agent>(`/v1/agents/${encodeURIComponent(args.agent)}`);
    await cli.print.show(agent, showColumns(cli.io.now()));
    cli.print.noteTable(['Not ready', 'Why'], (readyOf(agent)?.reasons ?? []).map((r) => [r.code, r.message]));
  },
});

const revoke = command<{ readonly yes?: boolean }, [{ name: 'agent'; brief: string }]>({
  brief: 'Cut an agent off, at once and for good',
  args: [{ name: 'agent', brief: 'Name or id' }],
  flags: { yes: { kind: 'boolean', optional: true, withNegated: false, brief: 'Do not ask' } },
  run: async (cli, { flags, args }) => {
    await confirmed(cli, flags.yes === true, `Revoke the agent ${args.agent}? Its node gets no orders from then on.`);
    const { body } = await cli.api.post<Agent>(`/v1/agents/${encodeURIComponent(args.agent)}/revoke`);
    await cli.print.show(body, showColumns(cli.io.now()));
  },
});

const remove = command<{ readonly yes?: boolean }, [{ name: 'agent'; brief: string }]>({
  brief: 'Cut an agent off and forget it; its name may be enrolled again',
  args: [{ name: 'agent', brief: 'Name or id' }],
  flags: { yes: { kind: 'boolean', optional: true, withNegated: false, brief: 'Do not ask' } },
  run: async (cli, { flags, args }) => {
    await confirmed(cli, flags.yes === true, `Forget the agent ${args.agent}?`);
    await cli.api.send('DELETE', `/v1/agents/${encodeURIComponent(args.agent)}`);
  },
});

interface TokenFlags {
  readonly site: string;
  readonly role: string;
  readonly name: string;
  readonly ttl?: number;
}

const create = command<TokenFlags>({
  brief: 'Make a token with which one node may enrol once',
  description: 'The token is shown once. Carry it to the node in a file of mode 0600, and run godwit-agent enrol there (docs/operators/agent.md).',
  flags: {
    site: { kind: 'parsed', parse: string, placeholder: 'SITE', brief: 'Where the node is' },
    role: { kind: 'parsed', parse: string, placeholder: 'ROLE', brief: 'What it is: keystone, storage, gateway' },
    name: { kind: 'parsed', parse: string, placeholder: 'NODE', brief: 'What it is called' },
    ttl: { kind: 'parsed', parse: integer(10, 604_800), optional: true, placeholder: 'SECONDS', brief: 'How long it is good for (3600)' },
  },
  run: async (cli, { flags }) => {
    const { body } = await cli.api.post<AgentToken>('/v1/agent-tokens', { site: flags.site, role: flags.role, name: flags.name, ...(flags.ttl !== undefined && { ttlSeconds: flags.ttl }) });
    await cli.print.show(body, [
      { key: 'token', header: 'Token', value: (t) => t.token },
      { key: 'name', header: 'Node', value: (t) => t.name },
      { key: 'site', header: 'Site', value: (t) => t.site },
      { key: 'role', header: 'Role', value: (t) => t.role },
      { key: 'expiresAt', header: 'Good until', value: (t) => t.expiresAt },
    ]);
  },
});

const token = buildRouteMap<'create', Context>({ routes: { create }, docs: { brief: 'Enrolment tokens' } });

export const agentRoutes = buildRouteMap<'list' | 'show' | 'revoke' | 'remove' | 'token', Context>({ routes: { list, show, revoke, remove, token }, docs: { brief: 'Agents on nodes' } });
