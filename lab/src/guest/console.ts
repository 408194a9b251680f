/** A stall of the guest's writer, as the guest measured it: its write of number `n` was held up (or it was not run at all). */
export interface GuestGap {
  n: number;
  /** Guest uptime in seconds, before and after; steps of 10 ms. */
  fromS: number;
  toS: number;
  ms: number;
  /** End of the stall by the guest's clock, seconds since 1970. That clock starts from the RTC: up to 0.5 s off the host's. */
  epochS: number;
}

export interface GuestConsole {
  /** The latest boot in the text wrote its first pair of lines. */
  ready: boolean;
  /** Guest uptime in seconds at which it did. */
  readyS: number | undefined;
  /** How many boots the text shows. */
  boots: number;
  /** What the writer found on the disks, once per start of it; n1 is undefined without a data disk. */
  resumes: { n0: number; n1: number | undefined }[];
  gaps: GuestGap[];
  ticks: { n: number; upS: number }[];
  /** Addresses the guest gave its interfaces. */
  addresses: { dev: string; mac: string; address: string }[];
  /** Texts of the GUEST ERR lines. */
  errors: string[];
}

/** Reads what the guest for consistency checks says on its serial console. Other text, half lines and a boot loader's control characters are passed over. */
export function parseGuestConsole(text: string): GuestConsole {
  const seen: GuestConsole = { ready: false, readyS: undefined, boots: 0, resumes: [], gaps: [], ticks: [], addresses: [], errors: [] };
  for (const line of text.split(/\r?\n|\r/)) {
    const said = /GUEST (.*)$/.exec(line)?.[1];
    if (said !== undefined) take(seen, said.trimEnd());
  }
  return seen;
}

function take(seen: GuestConsole, said: string): void {
  if (said.startsWith('ERR ')) {
    seen.errors.push(said.slice(4));
    return;
  }
  const field = fields(said);
  const number = (name: string): number => Number(field.get(name) ?? Number.NaN);
  if (said.startsWith('init ')) {
    seen.boots += 1;
    seen.ready = false;
    seen.readyS = undefined;
  } else if (said.startsWith('ready ')) {
    seen.ready = true;
    seen.readyS = number('up');
  } else if (said.startsWith('writer resumes ')) {
    const n1 = number('n1');
    if (!Number.isNaN(number('n0'))) seen.resumes.push({ n0: number('n0'), n1: Number.isNaN(n1) ? undefined : n1 });
  } else if (said.startsWith('GAP ')) {
    const gap = { n: number('n'), fromS: number('from'), toS: number('to'), ms: number('ms'), epochS: number('epoch') };
    if (!Object.values(gap).some(Number.isNaN)) seen.gaps.push(gap);
  } else if (said.startsWith('tick ')) {
    const tick = { n: number('n'), upS: number('up') };
    if (!Object.values(tick).some(Number.isNaN)) seen.ticks.push(tick);
  } else if (said.startsWith('ip ')) {
    seen.addresses.push({ dev: field.get('dev') ?? '', mac: field.get('mac') ?? '', address: (field.get('addr') ?? '').split('/')[0] ?? '' });
  }
}

function fields(said: string): Map<string, string> {
  return new Map(said.split(' ').flatMap((word) => {
    const at = word.indexOf('=');
    return at > 0 ? [[word.slice(0, at), word.slice(at + 1)] as const] : [];
  }));
}
