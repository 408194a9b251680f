import { RpcError } from './errors.ts';

export interface BrokerHost {
  /** Name or address; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
}

/** A transport URL, taken apart as oslo.messaging does. */
export interface TransportUrl {
  /** In the order in which they are tried. */
  readonly hosts: readonly BrokerHost[];
  readonly virtualHost: string;
  readonly tls: boolean;
  /** From the query, as oslo.messaging's `ssl_ca_file`, `ssl_cert_file`, `ssl_key_file`. */
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  /** The URL without its passwords, for messages and logs. */
  readonly redacted: string;
}

const SCHEMES: Record<string, boolean> = { rabbit: false, amqp: false, kombu: false, amqps: true };
const PASSWORD = /((?:\/\/|,)[^:@/,\s]*):[^@,\s]*(?=@)/g;

/** Replaces every password of a URL; works on text that is not a valid URL, too. */
export const redactUrl = (text: string): string => text.replace(PASSWORD, '$1:***');

/**
 * Reads `rabbit://user:pass@host:port,user:pass@host2:port/vhost?ssl=1` (also `amqp://`, `kombu://`; `amqps://` means TLS).
 * User names, passwords and the virtual host are percent-decoded. No virtual host, or `/`, is the broker's default `/`; a
 * host without user and password has the first host's.
 * @throws RpcError RPC_BAD_URL; its text holds no password
 */
export function parseTransportUrl(url: string): TransportUrl {
  const redacted = redactUrl(url);
  const fail = (why: string): never => {
    throw new RpcError('RPC_BAD_URL', `Cannot read transport URL ${redacted}: ${why}.`);
  };
  const parts = /^([a-z+]+):\/\/([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/i.exec(url);
  if (!parts) return fail('expected rabbit://user:password@host:port/virtual-host');
  const [, scheme = '', authority = '', path = '', query = ''] = parts;
  const secure = SCHEMES[scheme.toLowerCase()];
  if (secure === undefined) return fail(`scheme ${scheme} is not one of ${Object.keys(SCHEMES).join(', ')}`);
  const decode = (text: string): string => {
    try {
      return decodeURIComponent(text);
    } catch {
      return fail('a percent sign is not followed by two hexadecimal digits');
    }
  };
  const options = new URLSearchParams(query);
  const tls = secure || /^(1|true|yes|on)$/i.test(options.get('ssl') ?? '');
  const texts = authority.split(',').filter((text) => text !== '');
  if (texts.length === 0) return fail('it names no host');
  const hosts: BrokerHost[] = [];
  for (const text of texts) {
    const at = text.lastIndexOf('@');
    const [, username = '', password = ''] = /^([^:]*):?(.*)$/s.exec(at < 0 ? '' : text.slice(0, at)) ?? [];
    const address = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text.slice(at + 1));
    const host = address?.[1] ?? address?.[2];
    const port = Number(address?.[3] ?? (tls ? 5671 : 5672));
    if (host === undefined || port < 1 || port > 65_535) return fail('a host is not name:port (an IPv6 address needs brackets)');
    const first = hosts[0];
    if (at < 0 && first) hosts.push({ ...first, host, port });
    else hosts.push({ host, port, username: decode(username) || 'guest', password: at < 0 ? 'guest' : decode(password) });
  }
  const file = (name: string, key: 'caFile' | 'certFile' | 'keyFile'): Partial<Record<typeof key, string>> => {
    const value = options.get(name);
    return value === null ? {} : { [key]: value };
  };
  return {
    hosts,
    virtualHost: decode(path) || '/',
    tls,
    ...file('ssl_ca_file', 'caFile'),
    ...file('ssl_cert_file', 'certFile'),
    ...file('ssl_key_file', 'keyFile'),
    redacted,
  };
}
