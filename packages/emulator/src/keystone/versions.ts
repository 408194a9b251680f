import { ok, type Call, type Json, type Route } from '../http/service.ts';
import type { KeystoneState } from './state.ts';

const version = (call: Call<KeystoneState>): Json => ({
  id: 'v3.14',
  status: 'stable',
  updated: '2020-04-07T00:00:00Z',
  links: [{ rel: 'self', href: `${call.root}/v3/` }],
  'media-types': [{ base: 'application/json', type: 'application/vnd.openstack.identity-v3+json' }],
});

export const versionRoutes: readonly Route<KeystoneState>[] = [
  { method: 'GET', path: '/', auth: false, handler: (call) => ({ status: 300, body: { versions: { values: [version(call)] } } }) },
  { method: 'GET', path: '/v3', auth: false, handler: (call) => ok({ version: version(call) }) },
];
