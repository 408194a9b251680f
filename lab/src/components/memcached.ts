import type { Component } from '../engine/types.ts';

export const memcached: Component = {
  name: 'memcached',
  files: () => [],
  init: [],
  services: [
    {
      name: 'memcached',
      needs: [],
      command: () => ['memcached', '-u', 'memcache', '-l', '0.0.0.0', '-m', '64', '-t', '2'],
      async ready({ relay, site }) {
        const answer = await relay.tcp(site.ip, 11211, Buffer.from('version\r\n'));
        return answer.toString().startsWith('VERSION') ? undefined : 'no answer';
      },
    },
  ],
};
