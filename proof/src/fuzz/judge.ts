import type { FuzzRequest } from './requests.ts';
import type { Answer } from './send.ts';

export interface JudgeOptions {
  /** Must appear in no answer and no line of the log: passwords, tokens, URLs with passwords. By what they are. */
  readonly secrets: Readonly<Record<string, string>>;
  /** What tells a project's things: names, ids. By the callers who may not see them. */
  readonly foreign: Readonly<Record<string, readonly string[]>>;
  /** Answers above 499 that are right where they are (a site that was taken down on purpose, say). */
  readonly excused?: (answer: Answer) => boolean;
}

/** What is wrong with an answer; empty: nothing. */
export function judge(one: FuzzRequest, answer: Answer, options: JudgeOptions): string[] {
  const wrong: string[] = [];
  if (answer.status >= 500 && options.excused?.(answer) !== true) wrong.push(`it answered ${answer.status}: ${answer.body.slice(0, 300)}`);
  const text = answer.headers + answer.body;
  for (const [what, secret] of Object.entries(options.secrets)) if (text.includes(secret)) wrong.push(`the answer has a secret in it: ${what}`);
  const sent = decodeURIComponentSafely(one.path) + (one.body ?? '');
  for (const mark of options.foreign[one.who] ?? []) {
    // What the caller named itself may be named back: it learns nothing by that.
    if (!sent.includes(mark) && text.includes(mark)) wrong.push(`the answer shows ${one.who} something of another project: ${mark}`);
  }
  return wrong;
}

export function secretsIn(text: string, secrets: Readonly<Record<string, string>>): string[] {
  return Object.entries(secrets).filter(([, secret]) => text.includes(secret)).map(([what]) => what);
}

function decodeURIComponentSafely(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
