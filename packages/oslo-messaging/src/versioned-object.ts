import { RpcError } from './errors.ts';

/**
 * Object versions that every supported release reads, by `namespace:name`. A receiver that gets a newer version than its own
 * asks its conductor to backport it, and a conductor that cannot read it either asks itself, without end: one such message
 * slows every conductor call of its Nova cell until the conductor is restarted. So nothing else is ever sent.
 */
const SAFE_VERSIONS: Readonly<Record<string, readonly string[]>> = {
  'nova:Instance': ['2.0'],
};

export interface VersionedObject {
  readonly name: string;
  readonly namespace: string;
  readonly version: string;
  /** Only fields of that version; those left out are lazy-loaded by the receiver. */
  readonly data: Readonly<Record<string, unknown>>;
}

/**
 * An oslo.versionedobjects object in its wire form (`nova_object.name`, …).
 * @throws RpcError RPC_UNSAFE_OBJECT_VERSION for an object or version that a site may not know
 */
export function versionedObject(object: VersionedObject): Record<string, unknown> {
  assertSafe(object.namespace, object.name, object.version);
  const prefix = `${object.namespace}_object`;
  return {
    [`${prefix}.name`]: object.name,
    [`${prefix}.namespace`]: object.namespace,
    [`${prefix}.version`]: object.version,
    [`${prefix}.data`]: object.data,
  };
}

/**
 * Looks through all of `value` for versioned objects: the second lock, for a message that did not pass by {@link versionedObject}.
 * @throws RpcError RPC_UNSAFE_OBJECT_VERSION
 */
export function assertSafeObjects(value: unknown): void {
  const seen = new Set<object>();
  const waiting: unknown[] = [value];
  while (waiting.length > 0) {
    const next = waiting.pop();
    if (typeof next !== 'object' || next === null || seen.has(next)) continue;
    seen.add(next);
    for (const [key, entry] of Object.entries(next)) {
      waiting.push(entry);
      const prefix = /^(\w+_object)\.(?:name|version|data)$/.exec(key)?.[1];
      if (prefix === undefined) continue;
      const field = (name: string): string => String((next as Record<string, unknown>)[`${prefix}.${name}`] ?? '(none)');
      assertSafe(field('namespace'), field('name'), field('version'));
    }
  }
}

function assertSafe(namespace: string, name: string, version: string): void {
  const safe = SAFE_VERSIONS[`${namespace}:${name}`];
  if (safe?.includes(version)) return;
  throw new RpcError(
    'RPC_UNSAFE_OBJECT_VERSION',
    `Refused to send object ${namespace}:${name} ${version}: ${safe ? `only ${safe.join(', ')} is safe` : 'it is not among the objects known to be safe'}. `
      + 'A version that the receiver does not know can block its whole cell.',
  );
}
