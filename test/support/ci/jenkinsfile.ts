/** What Groovy reads as one: strings of three or one quotes, and comments. Braces within are no blocks. */
const TOKEN = /'''[\s\S]*?'''|'[^'\n]*'|"[^"\n]*"|\/\/[^\n]*|[{}]/g;

/**
 * The shell of the one `sh '''…'''` in a block of a declarative Jenkinsfile. No Groovy is run: a block with another number of them, or
 * with an escape that Groovy would replace, is refused.
 * @param block the block's name, which stands once in the file: `steps`, `always`
 * @throws when it is unknown what Jenkins would run
 */
export function shellBlock(jenkinsfile: string, block: string): string {
  const body = bodyOf(jenkinsfile, block);
  const [shell, another] = [...body.matchAll(/\bsh '''([\s\S]*?)'''/g)].map(([, text = '']) => text);
  if (shell === undefined || another !== undefined) throw new Error(`\`${block}\` has not one sh ''' in it:\n${body}`);
  if (shell.includes('\\')) throw new Error(`Groovy would replace the escapes in:\n${shell}`);
  return shell;
}

function bodyOf(jenkinsfile: string, block: string): string {
  const [opening, another] = [...jenkinsfile.matchAll(new RegExp(`^\\s*${block} \\{`, 'gm'))];
  if (opening === undefined || another !== undefined) throw new Error(`\`${block}\` does not stand once in the Jenkinsfile`);
  const start = opening.index + opening[0].length;
  let depth = 1;
  for (const { 0: token, index } of jenkinsfile.slice(start).matchAll(TOKEN)) {
    if (token === '{') depth += 1;
    if (token === '}') depth -= 1;
    if (depth === 0) return jenkinsfile.slice(start, start + index);
  }
  throw new Error(`\`${block}\` does not end`);
}
