import type { StepContext, WorkflowContext } from '@godwit/workflow';
import { expect, it } from 'vitest';
import type { Deps } from './deps.ts';
import { verifyWorkflow } from './verify.ts';

it('a point that retention deleted before it is looked at is unknown, not a surprise', async () => {
  const store = { group: () => Promise.resolve({ id: 'g' }), point: () => Promise.resolve(undefined) };
  const ctx = { step: (_name: string, run: (s: StepContext) => Promise<unknown>) => run({} as StepContext) } as unknown as WorkflowContext;
  await expect(verifyWorkflow({ store } as unknown as Deps).run(ctx, { groupId: 'g', pointId: 'p' })).rejects.toMatchObject({ code: 'GW_POINT_UNKNOWN', kind: 'terminal' });
});
