import { describe, expect, it } from 'vitest';
import { assertSafeObjects, versionedObject } from './versioned-object.ts';

const unsafe = expect.objectContaining({ code: 'RPC_UNSAFE_OBJECT_VERSION', kind: 'terminal' });
const wire = (version: string, name = 'Instance'): Record<string, unknown> => ({
  'nova_object.name': name, 'nova_object.namespace': 'nova', 'nova_object.version': version, 'nova_object.data': {},
});

describe('versionedObject', () => {
  it('writes an Instance 2.0 as Nova reads it', () => {
    expect(versionedObject({ name: 'Instance', namespace: 'nova', version: '2.0', data: { uuid: 'x' } })).toEqual({
      'nova_object.name': 'Instance', 'nova_object.namespace': 'nova', 'nova_object.version': '2.0', 'nova_object.data': { uuid: 'x' },
    });
  });

  it.each(['2.8', '2.9', '1.0', '3.0', '2', ''])('refuses an Instance %s', (version) => {
    expect(() => versionedObject({ name: 'Instance', namespace: 'nova', version, data: {} })).toThrow(unsafe);
  });

  it('refuses an object that it knows nothing about', () => {
    expect(() => versionedObject({ name: 'Flavor', namespace: 'nova', version: '1.2', data: {} })).toThrow(unsafe);
    expect(() => versionedObject({ name: 'constructor', namespace: 'nova', version: '2.0', data: {} })).toThrow(unsafe);
  });
});

describe('assertSafeObjects', () => {
  it('finds an unsafe object wherever it is nested', () => {
    expect(() => assertSafeObjects({ list: [{ deep: wire('2.9') }] })).toThrow(unsafe);
    const nested = { ...wire('2.0'), 'nova_object.data': { flavor: wire('1.2', 'Flavor') } };
    expect(() => assertSafeObjects({ instance: nested })).toThrow(unsafe);
  });

  it('finds one whose version or name is left out, or of another service\'s prefix', () => {
    expect(() => assertSafeObjects({ 'nova_object.data': {} })).toThrow(unsafe);
    expect(() => assertSafeObjects({ 'versioned_object.name': 'Port', 'versioned_object.version': '1.0' })).toThrow(unsafe);
  });

  it('lets safe objects, plain values and circles pass', () => {
    const circle: Record<string, unknown> = { instance: wire('2.0'), n: 1, nothing: null };
    circle['self'] = circle;
    expect(() => assertSafeObjects(circle)).not.toThrow();
  });
});
