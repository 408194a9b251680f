import { describe, expect, it } from 'vitest';
import { Images } from './images.ts';
import type { RbdAnswer } from './run-rbd.ts';

const said = (value: unknown): RbdAnswer => ({ code: 0, stdout: JSON.stringify(value), stderr: '' });
const gone: RbdAnswer = { code: 2, stdout: '', stderr: 'rbd: error opening image volume-1: (2) No such file or directory' };
const info = said({ name: 'volume-1', id: '1a', size: 1, mirroring: { mode: 'snapshot', state: 'enabled', global_id: 'g', primary: false } });
const never = new AbortController().signal;

describe('look', () => {
  it('an image that goes between two looks, as a copy does that is made anew, is not there', async () => {
    const images = new Images((args) => Promise.resolve(args[0] === 'info' ? info : gone));
    expect(await images.look('volumes', 'volume-1', never)).toMatchObject({ found: false });
  });

  it('snapshots that cannot be read for another reason are told', async () => {
    const images = new Images((args) => Promise.resolve(args[0] === 'info' ? info : args[0] === 'snap' ? { ...gone, code: 1 } : gone));
    await expect(images.look('volumes', 'volume-1', never)).rejects.toMatchObject({ code: 'GW_STORAGE_FORBIDDEN' });
  });
});
