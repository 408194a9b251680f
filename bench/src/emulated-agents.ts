// A process of its own for emulated agents, so that the hub's processor time is its own. Says `ready` on standard output; ends with its standard input.
import { startEmulatedAgents } from '@godwit/agent/testing';

const { url, controller, site, prefix, count, cloudUrl, user, password, project } = JSON.parse(process.env['EMULATED'] ?? '{}') as Record<string, string>;
let token: { readonly id: string; readonly until: number } | undefined;

/** The lab's tokens live three minutes. */
async function keystoneToken(): Promise<string> {
  if (token && token.until > Date.now()) return token.id;
  const domain = { id: 'default' };
  const answer = await fetch(`${cloudUrl ?? ''}/auth/tokens`, {
    method: 'POST', headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ auth: { identity: { methods: ['password'], password: { user: { name: user, domain, password } } }, scope: { project: { name: project, domain } } } }),
  });
  token = { id: answer.headers.get('x-subject-token') ?? '', until: Date.now() + 90_000 };
  return token.id;
}

await startEmulatedAgents({
  names: Array.from({ length: Number(count) }, (_, i) => `${prefix ?? ''}${String(i)}`),
  controllers: [controller ?? ''],
  // The same for all, as a Keystone's own tools and an operator's copying leave them.
  keys: { 0: `${'A'.repeat(42)}A=`, 1: `${'B'.repeat(42)}A=` },
  token: async (name) => {
    const answer = await fetch(`${url ?? ''}/v1/agent-tokens`, {
      method: 'POST', headers: { 'content-type': 'application/json', 'x-auth-token': await keystoneToken(), 'x-auth-url': cloudUrl ?? '' }, body: JSON.stringify({ site, role: 'keystone', name }),
    });
    const body = (await answer.json()) as { token?: string };
    if (body.token === undefined) throw new Error(`no token for ${name}: HTTP ${String(answer.status)} ${JSON.stringify(body)}`);
    return body.token;
  },
});
process.stdout.write('ready\n');
process.stdin.resume().on('end', () => process.exit(0));
