import type { Engine, StepContext, StepOptions, WorkflowContext, WorkflowDefinition } from '@godwit/workflow';
import { stepContext } from './emulated.ts';

interface FakeJob {
  readonly id: string;
  readonly workflow: string;
  readonly input: unknown;
  state: 'queued' | 'running' | 'succeeded' | 'failed';
}

/** Runs a workflow when it is told to: each step once, the compensations when one fails. No journal, no database. */
export class FakeEngine {
  readonly jobs: FakeJob[] = [];
  readonly #definitions = new Map<string, WorkflowDefinition<never, unknown>>();
  /** Before each step: what a test does there. */
  onStep: (name: string) => Promise<void> | void = () => undefined;

  get engine(): Engine {
    return {
      define: (definition: WorkflowDefinition<never, unknown>) => {
        this.#definitions.set(definition.name, definition);
        return {
          submit: (input: unknown, { jobId }: { jobId?: string }) => {
            const id = jobId ?? `job-${this.jobs.length + 1}`;
            if (!this.jobs.some((j) => j.id === id)) this.jobs.push({ id, workflow: definition.name, input, state: 'queued' });
            return Promise.resolve(id);
          },
        };
      },
      jobs: {
        get: (id: string) => Promise.resolve(this.jobs.find((j) => j.id === id)),
        list: () => Promise.resolve(this.jobs.filter((j) => j.state === 'queued' || j.state === 'running')),
      },
    } as unknown as Engine;
  }

  /** Runs the oldest job that waits; its error, when it failed. */
  async run(): Promise<unknown> {
    const job = this.jobs.find((j) => j.state === 'queued');
    const definition = this.#definitions.get(job?.workflow ?? '');
    if (!job || !definition) throw new Error('no job waits');
    const undo: (() => Promise<void>)[] = [];
    const step = async <T>(name: string, run: (s: StepContext) => Promise<T>, options: StepOptions = {}): Promise<T> => {
      const { compensate } = options;
      await this.onStep(name);
      if (compensate) undo.unshift(() => compensate(undefined, stepContext()));
      return run(stepContext());
    };
    job.state = 'running';
    try {
      await definition.run({ jobId: job.id, step } as unknown as WorkflowContext, job.input as never);
      job.state = 'succeeded';
      return undefined;
    } catch (error) {
      for (const back of undo) await back();
      job.state = 'failed';
      return error;
    }
  }
}
