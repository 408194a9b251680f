import { describe, expect, it } from 'vitest';
import { RpcError } from './errors.ts';
import { parseTransportUrl, redactUrl } from './transport-url.ts';

describe('parseTransportUrl', () => {
  it('reads a service\'s transport_url', () => {
    expect(parseTransportUrl('rabbit://openstack:pw@10.0.0.1:5673//nova')).toMatchObject({
      hosts: [{ host: '10.0.0.1', port: 5673, username: 'openstack', password: 'pw' }],
      virtualHost: '/nova',
      tls: false,
    });
  });

  it.each([
    ['rabbit://u:p@h', '/'],
    ['rabbit://u:p@h/', '/'],
    ['rabbit://u:p@h//', '/'],
    ['rabbit://u:p@h/%2f', '/'],
    ['rabbit://u:p@h/nova', 'nova'],
    ['rabbit://u:p@h/a%2Fb?x=1', 'a/b'],
  ])('takes the virtual host of %s to be %s', (url, virtualHost) => {
    expect(parseTransportUrl(url).virtualHost).toBe(virtualHost);
  });

  it('reads several hosts; one without a user has the first one\'s', () => {
    const { hosts } = parseTransportUrl('rabbit://a:1@h1:1,b:2@[fe80::1]:2,h3/');
    expect(hosts).toEqual([
      { host: 'h1', port: 1, username: 'a', password: '1' },
      { host: 'fe80::1', port: 2, username: 'b', password: '2' },
      { host: 'h3', port: 5672, username: 'a', password: '1' },
    ]);
  });

  it('decodes percent signs, and keeps a colon or an at sign of a password', () => {
    const { hosts } = parseTransportUrl('amqp://us%40er:p%2Fa:s%40s%2C@h/');
    expect(hosts[0]).toMatchObject({ username: 'us@er', password: 'p/a:s@s,' });
  });

  it('takes TLS from the scheme or from the query, with its port and files', () => {
    expect(parseTransportUrl('amqps://u:p@h/')).toMatchObject({ tls: true, hosts: [{ port: 5671 }] });
    expect(parseTransportUrl('rabbit://u:p@h:99/?ssl=1&ssl_ca_file=/ca.pem')).toMatchObject({ tls: true, caFile: '/ca.pem', hosts: [{ port: 99 }] });
  });

  it.each(['nonsense', 'http://u:secret@h/', 'rabbit:///', 'rabbit://u:secret@h:port/', 'rabbit://u:secret@h:99999/', 'rabbit://u:secret%zz@h/', 'rabbit://u:secret@fe80::1/'])(
    'refuses %s without telling the password',
    (url) => {
      let error: unknown;
      try {
        parseTransportUrl(url);
      } catch (caught) {
        error = caught;
      }
      expect(error).toBeInstanceOf(RpcError);
      expect(error).toMatchObject({ code: 'RPC_BAD_URL', kind: 'terminal' });
      expect((error as Error).message).not.toContain('secret');
    },
  );

  it('redacts every password', () => {
    expect(redactUrl('rabbit://a:one@h1,b:two:2@h2/v')).toBe('rabbit://a:***@h1,b:***@h2/v');
    expect(parseTransportUrl('rabbit://a:one@h1,b:two@h2/v').redacted).toBe('rabbit://a:***@h1,b:***@h2/v');
  });
});
