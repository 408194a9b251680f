import { parseArgs } from 'node:util';
import { EmulatorError, faultKinds, type FaultInput } from '@godwit/emulator';

export const usage = `usage: npm start [-- OPTION…]
Plays Godwit's main job on emulated OpenStack sites in this one process, then stays up to be looked at.
  --once              ends when the story is told
  --json              prints the report as JSON on stdout; the story goes to stderr
  --report FILE       writes the report there, too
  --topology FILE     other sites than quickstart/three-site.yaml; the first is lost, the second recovers
  --speed N           how many times faster than real ones the sites work (default 8)
  --seed TEXT         all ids and faults follow from it (default 1)
  --port N            of Godwit's API (default: any that is free)
  --emulator-port N   of the sites' APIs (default: any that is free)
  --fault KIND[,FIELD=VALUE…]   holds from the start; may be given several times: latency,site=site2,ms=200
  --verbose           the controller's log on stderr
`;

export interface Options {
  readonly once: boolean;
  readonly json: boolean;
  readonly verbose: boolean;
  readonly help: boolean;
  readonly report: string | undefined;
  readonly topology: string | undefined;
  readonly speed: number;
  readonly seed: string;
  readonly port: number;
  readonly emulatorPort: number;
  readonly faults: readonly FaultInput[];
}

export class UsageError extends Error {}

/** @throws UsageError, EmulatorError EMU_FAULT */
export function readOptions(argv: readonly string[]): Options {
  let values;
  try {
    ({ values } = parseArgs({
      args: [...argv],
      options: {
        once: { type: 'boolean', default: false }, json: { type: 'boolean', default: false }, verbose: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h', default: false },
        report: { type: 'string' }, topology: { type: 'string' }, speed: { type: 'string', default: '8' }, seed: { type: 'string', default: '1' }, port: { type: 'string', default: '0' }, 'emulator-port': { type: 'string', default: '0' },
        fault: { type: 'string', multiple: true, default: [] },
      },
    }));
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  const speed = Number(values.speed);
  if (!(speed >= 0.1 && speed <= 10_000)) throw new UsageError(`--speed takes a number from 0.1 to 10000, not ${values.speed}`);
  return {
    once: values.once, json: values.json, verbose: values.verbose, help: values.help, report: values.report, topology: values.topology, speed, seed: values.seed,
    port: port('--port', values.port), emulatorPort: port('--emulator-port', values['emulator-port']), faults: values.fault.map(readFault),
  };
}

function port(flag: string, text: string): number {
  const n = Number(text);
  if (!/^\d+$/.test(text) || n > 65_535) throw new UsageError(`${flag} takes a port from 0 to 65535, not ${text}`);
  return n;
}

/** `latency,site=site2,ms=200`. What the fields may be is the emulator's to say. */
function readFault(text: string): FaultInput {
  const [kind = '', ...fields] = text.split(',');
  if (!(faultKinds as readonly string[]).includes(kind)) throw new EmulatorError('EMU_FAULT', `there is no fault ${JSON.stringify(kind)}; faults: ${faultKinds.join(', ')}`);
  const entries = fields.map((field): [string, unknown] => {
    const at = field.indexOf('=');
    if (at < 1) throw new EmulatorError('EMU_FAULT', `fault ${kind}: ${JSON.stringify(field)} is not FIELD=VALUE`);
    const value = field.slice(at + 1);
    return [field.slice(0, at), value !== '' && Number.isFinite(Number(value)) ? Number(value) : value.includes('+') ? value.split('+') : value];
  });
  return { kind, ...Object.fromEntries(entries) } as FaultInput;
}
