/** Flags of every command that take a value, and those that do not. */
const withValue = new Set(['--os-cloud', '--os-token', '--godwit-url', '--format', '--column', '-f', '-c']);
const bare = new Set(['--quiet', '-q']);

/** `godwit --os-cloud x site list`, as the openstack client takes it: the flags before the command are moved behind it. */
export function hoistFlags(argv: readonly string[]): string[] {
  let i = 0;
  while (i < argv.length) {
    const word = argv[i] ?? '';
    if (withValue.has(word) && i + 1 < argv.length) i += 2;
    else if (bare.has(word) || withValue.has(word.split('=', 1)[0] ?? '')) i += 1;
    else break;
  }
  const [flags, rest] = [argv.slice(0, i), argv.slice(i)];
  const escape = rest.indexOf('--');
  return escape === -1 ? [...rest, ...flags] : [...rest.slice(0, escape), ...flags, ...rest.slice(escape)];
}
