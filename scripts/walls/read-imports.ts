import { posix } from 'node:path';
import { parseAst } from 'vitest/node';

export type Import = {
  /** A file from the root of the repository, or a module: `node:fs`, `zod`. */
  readonly target: string;
  /** `import type`: nothing of it is loaded. */
  readonly isType: boolean;
  /** `../..` leads out of the package. */
  readonly isEscape: boolean;
};

export type Source = {
  readonly imports: readonly Import[];
  /** The clock, chance and what else a file reaches without an import. */
  readonly effects: readonly string[];
};

type Node = { readonly type: string } & Readonly<Record<string, unknown>>;

/** Reads what a file imports, in every form: static, dynamic, exported on, as a type, and as the file of a thread. */
export function readImports(file: string, text: string): Source {
  const imports: Import[] = [];
  const effects = new Set<string>();
  const add = (specifier: string, isType: boolean): void => {
    const target = resolve(file, specifier);
    imports.push({ target, isType, isEscape: specifier.startsWith('.') && !target.startsWith(packageOf(file)) });
  };
  visit(parseAst(text, { lang: 'ts' }), (node) => {
    const specifier = (node['source'] as Node | null | undefined)?.['value'];
    if (typeof specifier === 'string')
      add(specifier, node['importKind'] === 'type' || node['exportKind'] === 'type' || node.type === 'TSImportType');
    const thread =
      node.type === 'NewExpression' ? /^new URL\('(\.[^']*\.ts)'/.exec(textOf(node, text))?.[1] : undefined;
    if (thread !== undefined) add(thread, false);
    if (['CallExpression', 'MemberExpression', 'NewExpression'].includes(node.type)) {
      const effect = EFFECT.exec(textOf(node, text))?.[0];
      if (effect !== undefined) effects.add(effect);
    }
  });
  return { imports, effects: [...effects] };
}

const EFFECT =
  /^(?:new Date\(\)|Date\.now\b|Math\.random\b|(?:globalThis|performance|process|console|crypto)\.|(?:fetch|set(?:Timeout|Interval|Immediate))\()/;

/** `packages/x/` or `apps/x/`. */
function packageOf(file: string): string {
  return `${file.split('/').slice(0, 2).join('/')}/`;
}

function resolve(file: string, specifier: string): string {
  if (specifier.startsWith('.')) return posix.join(posix.dirname(file), specifier);
  const ours = /^@pgstow\/([^/]+)\/(.+)$/.exec(specifier);
  if (ours !== null) return `packages/${ours[1]}/src/${ours[2]}`;
  return specifier.startsWith('node:')
    ? specifier
    : specifier
        .split('/')
        .slice(0, specifier.startsWith('@') ? 2 : 1)
        .join('/');
}

function textOf({ start, end }: Node, text: string): string {
  return text.slice(start as number, end as number);
}

function visit(value: unknown, see: (node: Node) => void): void {
  if (typeof value !== 'object' || value === null) return;
  if ('type' in value && typeof value.type === 'string') see(value as Node);
  for (const child of Object.values(value)) visit(child, see);
}
