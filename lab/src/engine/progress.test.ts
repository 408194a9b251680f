import { describe, expect, it, vi } from 'vitest';

import { textProgress } from './progress.ts';

describe('textProgress', () => {
  it('off a terminal: a line per finished thing, and every 15 s what is waited for and why', () => {
    vi.useFakeTimers({ now: 0 });
    try {
      let text = '';
      const progress = textProgress({ write: (t) => (text += t) });
      progress.start('site1/nova');
      progress.waiting('site1/nova', 'HTTP 503');
      vi.advanceTimersByTime(15_000);
      expect(text).toBe('  15.0 s  waiting for site1/nova 15 s (HTTP 503)\n');
      progress.done('site1/nova');
      expect(text).toContain('site1/nova (15.0 s)\n');
      const before = text;
      vi.advanceTimersByTime(60_000);
      expect(text).toBe(before);
      progress.close();
    } finally {
      vi.useRealTimers();
    }
  });

  it('on a terminal: one live line, never wider than the screen', () => {
    vi.useFakeTimers({ now: 0 });
    try {
      const writes: string[] = [];
      const progress = textProgress({ isTTY: true, columns: 40, write: (t) => writes.push(t) });
      progress.start('site1/a-service-with-a-long-name');
      progress.waiting('site1/a-service-with-a-long-name', 'two\nlines of a reason');
      vi.advanceTimersByTime(500);
      const live = writes.at(-1) ?? '';
      expect(live.length).toBeLessThan(40);
      expect(live).not.toContain('\n');
      progress.close();
      expect(writes.at(-1)).toBe('\r\x1b[2K');
    } finally {
      vi.useRealTimers();
    }
  });
});
