import { expect, test } from 'vitest';
import { describe as text, scheduleOf, troublesOf } from './schedule.ts';

const many = Array.from({ length: 300 }, (_, seed) => scheduleOf(seed));

test('a seed is always the same schedule, and another seed another', () => {
  expect(scheduleOf(7)).toEqual(scheduleOf(7));
  expect(text(7)).not.toBe(text(8));
});

test('every group is protected once at least, and a member without volumes by images', () => {
  for (const { group, acts } of many) {
    expect(acts[0]?.act).toBe('protect');
    expect(group.members.length).toBeGreaterThan(0);
    if (group.members.some((m) => m.volumes === 0)) expect(group.policy.method).toBe('server-image');
  }
});

test('over many seeds, everything that can happen does', () => {
  const kind = (a: { readonly act: string; readonly fault?: { readonly kind: string } }): string => a.fault?.kind ?? a.act;
  const ofGroups = new Set(many.flatMap((s) => s.acts.map(kind)));
  for (const one of ['protect', 'recover', 'verify', 'cancel', 'purge', 'wait', 'change policy', 'guest agent', 'latency', 'error', 'reset', 'lost-answer', 'hang', 'hung-answer']) expect(ofGroups).toContain(one);
  const ofWorlds = new Set(Array.from({ length: 100 }, (_, world) => troublesOf(world)).flatMap((all) => all.map(kind)));
  for (const one of ['quota', 'kill a controller', 'stop a controller', 'cut the database', 'latency', 'error', 'lost-answer', 'hung-answer', 'failure', 'lose-message', 'double-message', 'delay-message', 'site-down', 'broker-down', 'daemon-down', 'storage-full', 'cut', 'clock-skew']) expect(ofWorlds).toContain(one);
});
