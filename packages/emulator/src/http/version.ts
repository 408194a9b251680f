import type { IncomingMessage } from 'node:http';
import { ApiError } from '../errors.ts';
import type { RouteTable } from './table.ts';

/** Which microversion a request asks for, as its minor number. @throws ApiError 400, 406 */
export function askedVersion(table: RouteTable, headers: IncomingMessage['headers']): number {
  const { micro, service } = table;
  if (!micro) return 0;
  const text = headerVersion(service.name, headers['openstack-api-version']) ?? legacy(headers, service.microversions?.legacyHeader);
  if (text === undefined) return micro.min;
  if (text === 'latest') return micro.max;
  if (!/^\d+\.\d+$/.test(text)) throw new ApiError(400, `API Version String ${text} is of invalid format. Must be of format MajorNum.MinorNum.`);
  const [major = '', minorText = ''] = text.split('.');
  const minor = Number(minorText);
  if (major !== micro.major || minor < micro.min || minor > micro.max)
    throw new ApiError(406, `Version ${text} is not supported by the API. Minimum is ${micro.major}.${String(micro.min)} and maximum is ${micro.major}.${String(micro.max)}.`);
  return minor;
}

/** `compute 2.96, volume 3.70` names several services; Cinder is `volume`. */
function headerVersion(service: string, value: string | string[] | undefined): string | undefined {
  if (value === undefined) return undefined;
  for (const part of String(value).split(',')) {
    const [name, version] = part.trim().split(/\s+/);
    if (name === service) return version;
  }
  return undefined;
}

const legacy = (headers: IncomingMessage['headers'], name: string | undefined): string | undefined => {
  const value = name === undefined ? undefined : headers[name];
  return typeof value === 'string' ? value.trim() : undefined;
};

export function versionHeaders(table: RouteTable, micro: number): Record<string, string> {
  if (!table.micro) return {};
  const text = `${table.micro.major}.${String(micro)}`;
  const own = table.service.microversions?.legacyHeader;
  return { 'openstack-api-version': `${table.service.name} ${text}`, vary: own === undefined ? 'OpenStack-API-Version' : `OpenStack-API-Version, ${own}`, ...(own === undefined ? {} : { [own]: text }) };
}
