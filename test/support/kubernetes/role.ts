import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { Rule } from './cluster';

/** The rules of the role that the documents have. */
export const ROLE: readonly Rule[] = parse(
  /```yaml\n(kind: Role\n[\s\S]*?)```/.exec(readFileSync('docs/kubernetes.md', 'utf8'))?.[1] ?? '',
).rules;
