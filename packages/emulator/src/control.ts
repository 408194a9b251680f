import type { IncomingMessage, ServerResponse } from 'node:http';
import { ApiError, EmulatorError } from './errors.ts';
import type { Emulator } from './emulator.ts';
import type { InjectedFault } from './faults/faults.ts';
import type { FaultInput } from './faults/schema.ts';
import { readJson } from './http/body.ts';

/** `/_emulator/…`: what a test in the emulator's own process asks of the object, for other processes. Not a part of any OpenStack API. */
export async function control(emulator: Emulator, request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
  const send = (status: number, body: unknown): void => {
    const text = JSON.stringify(body);
    response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }).end(text);
  };
  const query = new URLSearchParams(request.url?.split('?')[1]);
  const site = query.get('site') ?? undefined;
  const [, , what = '', id = ''] = path.split('/');
  try {
    switch (`${request.method ?? ''} ${what}`) {
      case 'GET inventory':
        return send(200, { sites: emulator.inventory(site) });
      case 'GET frozen':
        return send(200, { frozen: emulator.frozen() });
      case 'GET changes':
        return send(200, { changes: emulator.changes.filter((c) => site === undefined || c.site === site) });
      case 'GET faults':
        return send(200, { faults: emulator.world.faults.list().map(view) });
      case 'POST faults':
        return send(201, view(emulator.inject((await readJson(request)) as unknown as FaultInput)));
      case 'DELETE faults':
        if (!emulator.world.faults.lift(Number(id))) throw new EmulatorError('EMU_FAULT', `there is no fault ${id}`);
        return send(200, {});
      case 'POST rbd': {
        // For agents of other processes.
        const { site: name, args, digest } = (await readJson(request)) as unknown as { site: string; args: string[]; digest?: boolean };
        return send(200, await emulator.rbd(name, args, { digest: digest === true }));
      }
      case 'GET ceph-conf':
        return send(200, { text: emulator.cephConf(site ?? '') });
      case 'GET process': {
        const { rss, heapUsed, external } = process.memoryUsage();
        return send(200, { pid: process.pid, rss, heapUsed, external, cpu: process.cpuUsage(), working: emulator.working });
      }
      default:
        return send(404, { code: 'EMU_BAD_REQUEST', message: `there is no ${request.method ?? ''} /_emulator/${what}; there are GET inventory, frozen, changes, faults, process, ceph-conf; POST and DELETE faults; POST rbd` });
    }
  } catch (error) {
    if (error instanceof EmulatorError) return send(400, { code: error.code, message: error.message });
    if (error instanceof ApiError) return send(error.status, { code: 'EMU_BAD_REQUEST', message: error.message });
    throw error;
  }
}

const view = ({ id, fault, hits }: InjectedFault): unknown => ({ id, hits, fault });
