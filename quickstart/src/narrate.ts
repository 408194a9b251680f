/**
 * What of a command's progress is told: what it works on and how that ends, each once. Not the beginnings and ends of its steps, and not
 * the time, which stands before every line of the story, nor ids.
 */
export function narrator(say: (text: string) => void): (text: string) => void {
  const told = new Set<string>();
  let rest = '';
  return (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const plain = line.replace(/^\s*\d\d:\d\d:\d\d\s+/, '').replace(/ [0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, '').trim();
      if (plain === '' || plain.startsWith('{') || / …$/.test(plain) || /: done in /.test(plain) || /^job\b/.test(plain) || /\b(creating|available|BUILD|deleting)$/.test(plain)) continue;
      if (told.has(plain)) continue;
      told.add(plain);
      say(`  ${plain}`);
    }
  };
}
