/** What a service says in the body of an error, as one plain sentence. */
export interface ErrorBody {
  readonly sentence?: string;
  /** Neutron's exception class, Placement's error code. */
  readonly type?: string;
}

const LONGEST = 600;

/**
 * Reads the error bodies of all services:
 * Nova and Cinder `{itemNotFound: {code, message}}`, Neutron `{NeutronError: {type, message, detail}}`, Keystone `{error: {message}}`,
 * Placement `{errors: [{title, detail, code}]}`, Glance and Swift HTML or text, a proxy's HTML page.
 */
export function readErrorBody(text: string, contentType: string | undefined): ErrorBody {
  const trimmed = text.trim();
  if (trimmed === '') return {};
  if (contentType?.includes('json') || trimmed.startsWith('{')) {
    const parsed = tryJson(trimmed);
    if (isRecord(parsed)) return fromJson(parsed);
  }
  return { sentence: tidy(htmlToText(trimmed)) };
}

function fromJson(body: Record<string, unknown>): ErrorBody {
  if (Array.isArray(body['errors']) && isRecord(body['errors'][0])) {
    const first = body['errors'][0];
    return sentence(first['detail'] ?? first['title'], first['code']);
  }
  if (typeof body['message'] === 'string') return sentence(body['message'], undefined);
  for (const fault of Object.values(body)) {
    if (typeof fault === 'string') return sentence(fault, undefined);
    if (isRecord(fault) && typeof fault['message'] === 'string') return sentence(fault['message'], fault['type']);
  }
  return {};
}

function sentence(message: unknown, type: unknown): ErrorBody {
  return {
    ...(typeof message === 'string' && message.trim() !== '' ? { sentence: tidy(htmlToText(message)) } : {}),
    ...(typeof type === 'string' ? { type } : {}),
  };
}

function htmlToText(text: string): string {
  if (!/<\/?(html|body|h1|br|p)\b/i.test(text)) return text;
  return text
    .replace(/<(title|style|script)\b[^>]*>[\s\S]*?<\/\1>/gi, ' ')
    .replace(/<\/h1>/gi, ': ')
    .replace(/<[^>]+>/g, ' ')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&quot;/g, '"')
    .replace(/&#0?39;/g, "'")
    .replace(/&nbsp;/g, ' ')
    .replace(/&amp;/g, '&')
    .replace(/\s+:/g, ':');
}

/** One line, of a length that fits a terminal. */
function tidy(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim().replace(/:$/, '');
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line;
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
