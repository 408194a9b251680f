import { readFileSync } from 'node:fs';
import { LineCounter, parseDocument, type Document } from 'yaml';
import { EmulatorError } from '../errors.ts';
import { type Topology, topologySchema } from './schema.ts';

/** Checks a topology's text. @throws EmulatorError EMU_TOPOLOGY naming the file, and line and place of everything wrong */
export function parseTopology(text: string, file: string): Topology {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const broken = document.errors[0];
  if (broken) {
    const { line, col } = lines.linePos(broken.pos[0]);
    throw new EmulatorError('EMU_TOPOLOGY', `${file}:${String(line)}:${String(col)}: not YAML: ${broken.message}`);
  }
  const result = topologySchema.safeParse(document.toJS());
  if (result.success) return result.data;
  const places = result.error.issues.map(({ path, message }) => `${file}:${String(lineOf(document, lines, path))}: ${path.map(String).join('.') || 'file'}: ${message}`);
  throw new EmulatorError('EMU_TOPOLOGY', places.join('\n'));
}

/** Line of a place, or of the nearest thing around it that is there. */
function lineOf(document: Document, lines: LineCounter, path: readonly PropertyKey[]): number {
  for (let depth = path.length; depth >= 0; depth -= 1) {
    const node = document.getIn(path.slice(0, depth), true) as { range?: readonly [number, number, number] | null } | undefined;
    if (node?.range) return lines.linePos(node.range[0]).line;
  }
  return 1;
}

/** @throws EmulatorError EMU_TOPOLOGY */
export function loadTopology(file: string): Topology {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new EmulatorError('EMU_TOPOLOGY', `${file}: ${(cause as Error).message}`, { cause });
  }
  return parseTopology(text, file);
}
