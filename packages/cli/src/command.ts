import { buildCommand, type Command, type FlagParametersForType, type StricliProcess } from '@stricli/core';
import { type Cli, type CommonFlags, makeCli } from './cli.ts';
import type { Io } from './io.ts';
import { reportError } from './output/error-text.ts';
import { formats } from './output/printer.ts';

/** What stricli hands to commands. */
export interface Context {
  readonly process: StricliProcess;
  readonly io: Io;
}

export interface Arg {
  readonly name: string;
  readonly brief: string;
  readonly optional?: boolean;
}

type ArgsOf<A extends readonly Arg[]> = { [K in A[number] as K['optional'] extends true ? never : K['name']]: string } & {
  [K in A[number] as K['optional'] extends true ? K['name'] : never]?: string;
};

export interface CommandSpec<F extends object, A extends readonly Arg[]> {
  readonly brief: string;
  readonly description?: string;
  readonly flags?: FlagParametersForType<F, Context>;
  readonly args?: A;
  /** Returns the exit code if it is not 0. What it throws is reported to stderr. */
  readonly run: (cli: Cli, input: { flags: F; args: ArgsOf<A> }) => Promise<number | void>;
}

export const string = (input: string): string => input;

/** A whole number within limits, or a usage error. */
export const integer = (min: number, max: number) => (input: string): number => {
  const n = Number(input);
  if (input.trim() !== '' && Number.isInteger(n) && n >= min && n <= max) return n;
  throw new Error(`not a whole number from ${min} to ${max}`);
};

const common: FlagParametersForType<CommonFlags, Context> = {
  osCloud: { kind: 'parsed', parse: string, optional: true, placeholder: 'NAME', brief: 'Entry of clouds.yaml to log in with (else OS_CLOUD or OS_*)' },
  osToken: { kind: 'parsed', parse: string, optional: true, placeholder: 'TOKEN', brief: 'Use this token; better in OS_TOKEN, as others can see command lines' },
  godwitUrl: { kind: 'parsed', parse: string, optional: true, placeholder: 'URL', brief: 'Where godwit-server listens (else GODWIT_URL, else http://127.0.0.1:8790)' },
  format: { kind: 'enum', values: formats, optional: true, brief: 'Output format' },
  column: { kind: 'parsed', parse: string, optional: true, variadic: true, placeholder: 'COLUMN', brief: 'Show only this column; may be repeated' },
  quiet: { kind: 'boolean', optional: true, withNegated: false, brief: 'No progress' },
};

/** A command with the common flags, whose errors are reported and turned into exit codes in one place. */
export function command<F extends object = object, const A extends readonly Arg[] = []>(spec: CommandSpec<F, A>): Command<Context> {
  const args: readonly Arg[] = spec.args ?? [];
  const positional = {
    kind: 'tuple',
    parameters: args.map((a) => ({ parse: string, placeholder: a.name.toUpperCase(), brief: a.brief, ...(a.optional === true && { optional: true }) })),
  };
  // stricli types flags and arguments one by one; here they are tables, so the types are ours (CommandSpec).
  const parameters = { flags: { ...spec.flags, ...common }, positional, aliases: { f: 'format', c: 'column', q: 'quiet' } } as never;
  return buildCommand<Record<string, unknown>, string[], Context>({
    docs: { brief: spec.brief, ...(spec.description !== undefined && { fullDescription: spec.description }) },
    parameters,
    func: async function (this: Context, flags: Record<string, unknown>, ...given: (string | undefined)[]) {
      const named = Object.fromEntries(args.map((a, i) => [a.name, given[i]]));
      try {
        const cli = makeCli(this.io, flags as CommonFlags);
        this.process.exitCode = (await spec.run(cli, { flags: flags as F, args: named as ArgsOf<A> })) ?? 0;
      } catch (error) {
        this.process.exitCode = reportError(error, this.io.stderr, (flags as CommonFlags).format ?? 'table');
      }
    },
  });
}
