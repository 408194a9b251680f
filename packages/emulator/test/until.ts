/** Polls closely until `look` answers something. */
export async function until<T>(what: string, look: () => Promise<T | undefined | false>, timeoutMs = 3_000): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > end) throw new Error(`${what}: not within ${String(timeoutMs)} ms`);
    await new Promise((done) => setTimeout(done, 3));
  }
}
