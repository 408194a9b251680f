import { join, relative, sep } from 'node:path';
import ts from 'typescript';
import { callOptions, isData, messageName } from './covered.ts';

/** One place in Godwit's code that asks something of a site. */
export interface Use {
  /** `volume.backups.create` */
  readonly api: string;
  /** Fields that the code can send there: `name`, `server.networks[].port`. */
  readonly keys: readonly string[];
  readonly at: string;
}

export interface UsedApis {
  readonly uses: readonly Use[];
  /** `nova/compute quiesce_instance 6.0` */
  readonly messages: readonly { readonly name: string; readonly at: string }[];
  /** Methods of the RPC client: `call`, `hold`. */
  readonly rpc: readonly { readonly name: string; readonly at: string }[];
  /** What cannot be told from the code, and must be written so that it can. */
  readonly unclear: readonly string[];
}

/**
 * What the code asks of sites, read from its types by the TypeScript compiler: whatever a client is called, destructured or handed
 * about as, its type says which API it is. So a request that is new in the code is seen the day it is written.
 */
export function usedApis(root: string, isOurs: (file: string) => boolean): UsedApis {
  const config = ts.parseJsonConfigFileContent(ts.readConfigFile(join(root, 'tsconfig.json'), (f) => ts.sys.readFile(f)).config, ts.sys, root);
  const name = (file: string): string => relative(root, file).split(sep).join('/');
  const files = config.fileNames.filter((file) => isOurs(name(file)) && !file.endsWith('.test.ts'));
  const program = ts.createProgram([...files, join(root, 'packages/openstack/src/index.ts'), join(root, 'packages/oslo-messaging/src/index.ts')], config.options);
  const checker = program.getTypeChecker();
  const apis = apiTypes(program, checker, root);
  const rpcClient = exportedType(program, checker, join(root, 'packages/oslo-messaging/src/types.ts'), 'RpcClient');
  const rpcMessage = exportedType(program, checker, join(root, 'packages/oslo-messaging/src/types.ts'), 'RpcMessage');
  const uses: Use[] = [];
  const messages: { name: string; at: string }[] = [];
  const rpc: { name: string; at: string }[] = [];
  const unclear: string[] = [];

  for (const file of files) {
    const source = program.getSourceFile(file);
    if (!source) continue;
    const where = (node: ts.Node): string => `${name(file)}:${source.getLineAndCharacterOfPosition(node.getStart()).line + 1}`;
    const note = (receiver: ts.Type, member: string, node: ts.Node, call: ts.CallExpression | undefined): void => {
      for (const type of parts(checker.getNonNullableType(receiver))) {
        const path = apis.get(type);
        if (path === 'any-name') unclear.push(`${where(node)}: ${member} of something that may be several APIs`);
        else if (path !== undefined && member !== 'close' && isFunction(checker, type, member)) {
          uses.push({ api: path === '' ? member : `${path}.${member}`, keys: call ? call.arguments.flatMap((arg) => keysOf(checker, checker.getTypeAtLocation(arg), arg)) : [], at: where(node) });
        } else if (type === rpcClient) rpc.push({ name: member, at: where(node) });
      }
    };
    const visit = (node: ts.Node): void => {
      if (ts.isPropertyAccessExpression(node)) {
        note(checker.getTypeAtLocation(node.expression), node.name.text, node, ts.isCallExpression(node.parent) && node.parent.expression === node ? node.parent : undefined);
      } else if (ts.isElementAccessExpression(node) && !parts(checker.getTypeAtLocation(node.argumentExpression)).every((t) => t.isStringLiteral() || (t.flags & ts.TypeFlags.NumberLike) !== 0)) {
        // By a name that is only known when it runs.
        if (parts(checker.getTypeAtLocation(node.expression)).some((t) => apis.has(t))) unclear.push(`${where(node)}: an API chosen by a name that is not known beforehand`);
      } else if (ts.isBindingElement(node) && ts.isObjectBindingPattern(node.parent)) {
        const member = node.propertyName ?? node.name;
        if (ts.isIdentifier(member)) note(checker.getTypeAtLocation(node.parent), member.text, node, undefined);
      } else if (ts.isObjectLiteralExpression(node)) {
        const wanted = checker.getContextualType(node);
        if (wanted && rpcMessage && parts(checker.getNonNullableType(wanted)).includes(rpcMessage)) readMessage(node, where(node));
      }
      ts.forEachChild(node, visit);
    };
    const readMessage = (literal: ts.ObjectLiteralExpression, at: string): void => {
      const type = checker.getTypeAtLocation(literal);
      const target = memberType(checker, type, 'target', literal);
      const all = (of: ts.Type | undefined, member: string, in_: ts.Node): string[] | undefined => {
        const found = of && memberType(checker, of, member, in_);
        const values = found ? parts(found) : [];
        return values.length > 0 && values.every((t) => t.isStringLiteral()) ? values.map((t) => (t as ts.StringLiteralType).value) : undefined;
      };
      const [exchanges, topics, versions, methods] = [all(target, 'exchange', literal), all(target, 'topic', literal), all(target, 'version', literal), all(type, 'method', literal)];
      if (!exchanges || !topics || !versions || !methods) {
        unclear.push(`${at}: an RPC message whose exchange, topic, version or method is not a constant: give them literal types ('a' | 'b'), so that they can be listed`);
        return;
      }
      for (const e of exchanges) for (const t of topics) for (const v of versions) for (const m of methods) messages.push({ name: messageName(e, t, m, v), at });
    };
    visit(source);
  }
  return { uses, messages, rpc, unclear };
}

/** Every object of the client's API by its type: `volume.backups`. */
function apiTypes(program: ts.Program, checker: ts.TypeChecker, root: string): Map<ts.Type, string> {
  const map = new Map<ts.Type, string>();
  const walk = (type: ts.Type, path: string): void => {
    if (map.has(type)) map.set(type, 'any-name');
    else map.set(type, path);
    for (const member of checker.getPropertiesOfType(type)) {
      if (path === '' && ['config', 'close'].includes(member.name)) continue;
      const memberType = checker.getTypeOfSymbol(member);
      if (memberType.getCallSignatures().length === 0 && (memberType.flags & ts.TypeFlags.Object) !== 0) walk(memberType, path === '' ? member.name : `${path}.${member.name}`);
    }
  };
  const cloud = exportedType(program, checker, join(root, 'packages/openstack/src/cloud.ts'), 'Cloud');
  if (!cloud) throw new Error('packages/openstack exports no Cloud');
  walk(cloud, '');
  return map;
}

function exportedType(program: ts.Program, checker: ts.TypeChecker, file: string, name: string): ts.Type | undefined {
  const source = program.getSourceFile(file);
  const symbol = source && checker.getSymbolAtLocation(source);
  const found = symbol && checker.getExportsOfModule(symbol).find((s) => s.name === name);
  return found && checker.getDeclaredTypeOfSymbol(found);
}

const parts = (type: ts.Type): readonly ts.Type[] => (type.isUnion() ? type.types : [type]);

function memberType(checker: ts.TypeChecker, type: ts.Type, member: string, at: ts.Node): ts.Type | undefined {
  const symbol = checker.getPropertyOfType(type, member);
  if (!symbol) return undefined;
  // As it was written: the type of the literal itself, not widened to `string`.
  const declaration = symbol.valueDeclaration;
  if (declaration && ts.isPropertyAssignment(declaration)) return checker.getTypeAtLocation(declaration.initializer);
  if (declaration && ts.isShorthandPropertyAssignment(declaration)) {
    const value = checker.getShorthandAssignmentValueSymbol(declaration);
    return value && checker.getTypeOfSymbolAtLocation(value, declaration);
  }
  return checker.getTypeOfSymbolAtLocation(symbol, at);
}

const isFunction = (checker: ts.TypeChecker, type: ts.Type, member: string): boolean => {
  const symbol = checker.getPropertyOfType(type, member);
  return symbol !== undefined && checker.getTypeOfSymbol(symbol).getCallSignatures().length > 0;
};

function keysOf(checker: ts.TypeChecker, type: ts.Type, at: ts.Node, prefix = '', depth = 0): string[] {
  const keys = new Set<string>();
  for (const part of parts(checker.getNonNullableType(type))) {
    if (depth > 4 || (part.flags & ts.TypeFlags.Object) === 0 || part.getCallSignatures().length > 0) continue;
    if (checker.isArrayType(part) || checker.isTupleType(part)) {
      for (const item of checker.getTypeArguments(part as ts.TypeReference)) for (const key of keysOf(checker, item, at, `${prefix}[]`, depth + 1)) keys.add(key);
      continue;
    }
    // Buffers, signals, streams: no description of a request.
    const declared = part.symbol?.declarations?.[0]?.getSourceFile().fileName ?? '';
    if (/\/node_modules\/(typescript|@types\/node)\//.test(declared)) continue;
    for (const member of checker.getPropertiesOfType(part)) {
      if (depth === 0 && callOptions.has(member.name)) continue;
      const name = prefix === '' ? member.name : `${prefix}.${member.name}`;
      keys.add(name);
      if (isData(member.name)) continue;
      for (const key of keysOf(checker, checker.getTypeOfSymbolAtLocation(member, at), at, name, depth + 1)) keys.add(key);
    }
  }
  return [...keys];
}
