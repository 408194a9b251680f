import { AgentError } from '../protocol/errors.ts';
import type { Address } from '../protocol/values.ts';

export const defaultPort = 8791;

/** `host`, `host:port`, `[::1]:port`, or any of them as a URL. */
export function parseAddress(text: string): Address {
  const bare = text.trim().replace(/^[a-z]+:\/\//, '').replace(/\/+$/, '');
  const [, bracketed, plain, port] = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]/\s]+))(?::(\d{1,5}))?$/.exec(bare) ?? [];
  const host = bracketed ?? plain;
  const number = port === undefined ? defaultPort : Number(port);
  if (host === undefined || number < 1 || number > 65_535) throw new AgentError('GW_AGENT_CONFIG', 'terminal', `not an address: ${text}`, { action: 'Give HOST:PORT.' });
  return { host, port: number };
}

export const showAddress = ({ host, port }: Address): string => `${host.includes(':') ? `[${host}]` : host}:${port}`;

/** In one form, each once. What is no address is left out. */
export function tidy(addresses: readonly string[]): string[] {
  return [...new Set(addresses.flatMap((a) => {
    try {
      return [showAddress(parseAddress(a))];
    } catch {
      return [];
    }
  }))];
}
