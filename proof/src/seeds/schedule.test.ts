import { expect, test } from 'vitest';
import { describe as text, pool, scheduleOf } from './schedule.ts';

test('a seed is always the same schedule, and another seed another', () => {
  expect(scheduleOf(7)).toEqual(scheduleOf(7));
  expect(text(scheduleOf(7))).not.toBe(text(scheduleOf(8)));
});

test('groups are of servers that there are, none of them in two', () => {
  for (let seed = 1; seed <= 50; seed++) {
    const members = scheduleOf(seed).groups.flatMap((g) => g.members);
    expect(new Set(members).size).toBe(members.length);
    expect(members.length).toBeGreaterThan(0);
    for (const m of members) expect(pool.map((p) => p.name)).toContain(m);
  }
});

test('over many seeds, everything that can happen does', () => {
  const seen = new Set(Array.from({ length: 300 }, (_, seed) => scheduleOf(seed)).flatMap((s) => s.acts.map((a) => (a.act === 'fault' ? a.fault.kind : a.act))));
  for (const kind of ['protect', 'recover', 'verify', 'cancel', 'kill the controller', 'stop the controller', 'cut the database', 'latency', 'error', 'lost-answer', 'hung-answer', 'failure', 'lose-message', 'double-message', 'site-down', 'broker-down', 'daemon-down', 'storage-full', 'cut', 'clock-skew']) expect(seen).toContain(kind);
});
