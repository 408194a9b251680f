import { describe, expect, it } from 'vitest';

import { LabError } from '../errors.ts';
import type { Lab, LabStatus } from '../index.ts';
import { runCli } from './run.ts';

const status: LabStatus = {
  topology: 'two-site', phase: 'up', cuts: [['site1', 'site2']],
  sites: [
    { site: 'site1', address: '10.20.1.10', alive: false, services: [] },
    { site: 'site2', address: '10.20.2.10', alive: true, services: [{ service: 'nova-api', running: true }, { service: 'cinder-backup', running: false }] },
  ],
};

function setup(lab: Partial<Lab> = {}) {
  let out = '';
  let err = '';
  const io = { stdout: { write: (t: string) => (out += t) }, stderr: { write: (t: string) => (err += t) } };
  return { run: (...args: string[]) => runCli(args, lab as Lab, io), out: () => out, err: () => err };
}

describe('the command line', () => {
  it('status names dead sites, stopped services and cut links, and is not 0 then', async () => {
    const { run, out } = setup({ status: () => Promise.resolve(status) });
    expect(await run('status')).toBe(1);
    expect(out()).toMatch(/site1 .*dead/);
    expect(out()).toMatch(/site2 .*up +1\/2 +cinder-backup/);
    expect(out()).toContain('cut links: site1 - site2');
  });

  it('status -f json is the whole of it', async () => {
    const { run, out } = setup({ status: () => Promise.resolve(status) });
    await run('status', '-f', 'json');
    expect(JSON.parse(out())).toEqual(status);
  });

  it('wrong usage is status 2 and says what was expected', async () => {
    for (const args of [[], ['fly'], ['cut', 'site1'], ['stop', 'site1'], ['exec', 'site1', 'ls'], ['status', '-f', 'xml'], ['down', '--now'], ['toString']]) {
      const { run, err } = setup();
      expect(await run(...args), args.join(' ')).toBe(2);
      expect(err()).toContain('usage:');
    }
  });

  it('a coded error is status 1 with its code', async () => {
    const { run, err } = setup({ killSite: () => Promise.reject(new LabError('LAB_UNKNOWN', 'there is no site x')) });
    expect(await run('kill-site', 'x')).toBe(1);
    expect(err()).toBe('LAB_UNKNOWN: there is no site x\n');
  });

  it('stop passes --kill on', async () => {
    const calls: unknown[] = [];
    const { run } = setup({
      stopService: (...args) => {
        calls.push(args);
        return Promise.resolve();
      },
    });
    expect(await run('stop', 'site1', 'rabbitmq', '--kill')).toBe(0);
    expect(calls).toEqual([['site1', 'rabbitmq', { kill: true }]]);
  });
});
