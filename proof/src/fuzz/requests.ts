import fc from 'fast-check';
import { broken, fitting, nastyText } from './arbitrary.ts';
import type { Operation } from './operations.ts';

/** A request as it goes over the wire; `who` is a name of the caller's tokens, `nobody` none. */
export interface FuzzRequest {
  readonly who: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

export interface FuzzOptions {
  readonly operations: readonly Operation[];
  readonly callers: readonly string[];
  /** Names and ids that are there: sites, groups, points, jobs, servers, of every project. */
  readonly known: readonly string[];
  /** The same, by the path parameter that they fit. */
  readonly byParameter: Readonly<Record<string, readonly string[]>>;
}

const bodies = (operation: Operation, known: readonly string[]): fc.Arbitrary<string | undefined> => {
  const json = (a: fc.Arbitrary<unknown>): fc.Arbitrary<string> => a.map((v) => JSON.stringify(v) ?? '');
  const noise = fc.constantFrom('', '{', '[1,', 'null', '"x"', '{"__proto__":{"admin":true}}', '{"a":1}{"b":2}', '\u0000', `{"a":${'['.repeat(2_000)}`, `{"to":"${'x'.repeat(300_000)}"}`);
  if (operation.body === undefined) return fc.oneof({ weight: 6, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: noise });
  return fc.oneof({ weight: 6, arbitrary: json(fitting(operation.body, known)) }, { weight: 5, arbitrary: json(broken(operation.body, known)) }, { weight: 1, arbitrary: noise }, { weight: 1, arbitrary: fc.constant(undefined) });
};

/** One request of any operation: well-formed, nearly so, or hardly. */
export function requests(options: FuzzOptions): fc.Arbitrary<FuzzRequest> {
  const { known, byParameter } = options;
  const one = (operation: Operation): fc.Arbitrary<FuzzRequest> => {
    const segment = (name: string): fc.Arbitrary<string> =>
      fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...(byParameter[name] ?? known)) }, { weight: 1, arbitrary: fc.constantFrom(...known) }, { weight: 2, arbitrary: nastyText }).map(encode);
    const path = fc.tuple(...operation.inPath.map(segment)).map((values) => operation.inPath.reduce((p, name, n) => p.replace(`{${name}}`, values[n] ?? ''), operation.path));
    const parameters = Object.entries(operation.query).map(([name, schema]) =>
      fc.option(fc.oneof({ weight: 3, arbitrary: fitting(schema, known).map(String) }, { weight: 1, arbitrary: nastyText }), { nil: undefined, freq: 2 }).map((v) => (v === undefined ? [] : [`${encode(name)}=${encode(v)}`])),
    );
    const query = fc.tuple(fc.tuple(...parameters), fc.option(nastyText, { nil: undefined, freq: 12 })).map(([given, more]) => [...given.flat(), ...(more === undefined ? [] : [`${encode(more)}=1`])].join('&'));
    return fc.record({
      who: fc.constantFrom(...options.callers),
      method: fc.oneof({ weight: 20, arbitrary: fc.constant(operation.method) }, { weight: 1, arbitrary: fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'TRACE') }),
      path: fc.tuple(path, query).map(([p, q]) => (q === '' ? p : `${p}?${q}`)),
      headers: fc.oneof(
        { weight: 10, arbitrary: fc.constant<Record<string, string>>({ 'content-type': 'application/json' }) },
        { weight: 1, arbitrary: fc.constantFrom<Record<string, string>>({}, { 'content-type': 'text/plain' }, { 'content-type': 'application/json; charset=utf-16' }, { 'content-type': 'application/json', 'x-request-id': '../../x' }, { 'content-type': 'application/json', 'x-auth-url': 'http://127.0.0.1:1/v3' }, { 'content-type': 'application/json', accept: 'text/event-stream', 'last-event-id': '99999999999999999999' }, { 'content-type': 'application/json', 'last-event-id': 'x' }) },
      ),
      body: bodies(operation, known),
    });
  };
  return fc.oneof(...options.operations.map(one));
}

/** encodeURIComponent throws at half a surrogate pair; a client can send those bytes all the same. */
function encode(text: string): string {
  return [...text].map((c) => (c.length === 1 && c >= '\ud800' && c <= '\udfff' ? '%ED%A0%80' : encodeURIComponent(c))).join('');
}
