import { describe, expect, it } from 'vitest';

import { findScenarios, unseen } from './scenarios.ts';

const paths = ['20-freeze.test.ts', '10-story.test.ts', 'identity-star', 'identity-star/80-tokens.test.ts', 'identity-star/helper.ts', 'identity-star/82-loss.test.ts'];

describe('findScenarios', () => {
  it('groups all by the topology they want, in order', () => {
    expect(findScenarios(paths, []).groups).toEqual([
      { topology: 'two-site', files: ['10-story.test.ts', '20-freeze.test.ts'] },
      { topology: 'identity-star', files: ['identity-star/80-tokens.test.ts', 'identity-star/82-loss.test.ts'] },
    ]);
  });

  it('a word chooses all paths that hold it, a folder too', () => {
    expect(findScenarios(paths, ['identity']).groups.map((g) => g.files.length)).toEqual([2]);
    expect(findScenarios(paths, ['story', 'tokens']).groups.map((g) => g.topology)).toEqual(['two-site', 'identity-star']);
  });

  it('one that was never seen to pass is run by name only', () => {
    const more = [...paths, ...unseen.map((u) => `${u}.test.ts`)];
    expect(findScenarios(more, []).groups).toEqual(findScenarios(paths, []).groups);
    for (const u of unseen) expect(findScenarios(more, [u]).groups).toEqual([{ topology: u.includes('/') ? u.split('/')[0] : 'two-site', files: [`${u}.test.ts`] }]);
  });

  it('gives back words that choose nothing', () => {
    expect(findScenarios(paths, ['story', 'stroy']).unknown).toEqual(['stroy']);
  });
});
