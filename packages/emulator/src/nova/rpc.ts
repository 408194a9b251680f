import { remoteFailure } from '@godwit/oslo-messaging';
import type { Compute } from './compute.ts';

const libvirt = (name: string, code: number, words: string): string => `Error from libvirt while quiescing ${name}: [Error Code ${String(code)}] ${words}`;

const failure = (cls: string, message: string, kwargs: Record<string, unknown>, module = 'nova.exception') => remoteFailure({ class: cls, module, message, kwargs });
const internal = (message: string) => failure('InternalError', message, { code: 500 });

interface InstanceArg {
  readonly 'nova_object.data'?: { readonly uuid?: string; readonly system_metadata?: Readonly<Record<string, string>> };
}

const instanceId = (args: Record<string, unknown>): string => (args['instance'] as InstanceArg | undefined)?.['nova_object.data']?.uuid ?? '';

/** What nova-compute answers to quiesce and unquiesce, as measured against Nova 31. */
export function serveCompute(compute: Compute): void {
  const { site } = compute;
  /** Freezes and thaws that wait for a hung agent. */
  const hung = new Map<string, (() => void)[]>();
  compute.onAgentBack = (serverId) => {
    const waiting = hung.get(serverId) ?? [];
    hung.delete(serverId);
    for (const go of waiting) go();
  };

  const run = async (method: 'quiesce_instance' | 'unquiesce_instance', args: Record<string, unknown>): Promise<null> => {
    const instance = args['instance'] as InstanceArg | undefined;
    if (instance === undefined) throw failure('TypeError', `${method}() missing 1 required positional argument: 'instance'`, {}, 'builtins');
    const data = instance['nova_object.data'];
    const id = data?.uuid ?? '';
    const server = compute.state.servers.get(id);
    if (!server) throw failure('InstanceNotFound', `Instance ${id} could not be found.`, { instance_id: id, code: 404 });
    if (!/^(yes|true|1)$/i.test(data?.system_metadata?.['image_hw_qemu_guest_agent'] ?? '')) throw failure('QemuGuestAgentNotEnabled', 'QEMU guest agent is not enabled', { code: 400 });
    const name = `instance-${server.number.toString(16).padStart(8, '0')}`;
    const assertRuns = (): void => {
      if (!compute.guests.get(id)) throw internal(libvirt(name, 55, 'Requested operation is not valid: domain is not running'));
    };
    assertRuns();
    if (compute.guests.agents.get(id) === 'hung') {
      // While a freeze hangs in libvirt, nothing else gets at the domain.
      if (method === 'unquiesce_instance' && hung.has(id)) throw internal(libvirt(name, 68, 'Timed out during operation: cannot acquire state change lock (held by agent=remoteDispatchDomainFSFreeze)'));
      await new Promise<void>((go) => hung.set(id, [...(hung.get(id) ?? []), go]));
      assertRuns();
    }
    const guest = compute.guests.get(id);
    if (!guest?.agent) throw internal(libvirt(name, 74, 'argument unsupported: QEMU guest agent is not configured'));
    if (compute.guests.agents.get(id) === 'absent' || guest.agentFrom > site.clock.now()) {
      const reason = libvirt(name, 86, 'Guest agent is not responding: QEMU guest agent is not connected');
      throw failure('InstanceQuiesceFailed', `Failed to quiesce instance: ${reason}`, { reason, code: 409 });
    }
    await new Promise<void>((done) => site.work(method === 'quiesce_instance' ? 100 : 15, done));
    assertRuns();
    if (method === 'unquiesce_instance') {
      compute.guests.thaw(id);
      return null;
    }
    if (guest.frozenSince !== undefined)
      throw internal(libvirt(name, 113, "guest agent command failed: unable to execute QEMU agent command 'guest-fsfreeze-freeze': Command guest-fsfreeze-freeze has been disabled: the command is not allowed"));
    compute.guests.freeze(id);
    return null;
  };

  site.serve({ exchange: 'nova', topic: 'compute', server: site.host, version: '6.4' }, async (method, args) => {
    // A stopped daemon's queue keeps its messages; a dead site's caller never hears of them.
    await new Promise<void>((go) => compute.whenRunning(go));
    await site.tap({ phase: 'arrived', service: 'nova-compute', method, path: instanceId(args), mutates: true });
    if (method !== 'quiesce_instance' && method !== 'unquiesce_instance')
      throw failure('NoSuchMethod', `Endpoint does not support RPC method ${method}`, {}, 'oslo_messaging.rpc.dispatcher');
    const result = await run(method, args);
    await site.tap({ phase: 'done', service: 'nova-compute', method, path: instanceId(args), mutates: true });
    return result;
  });
}
