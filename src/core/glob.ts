/** Whether the whole text matches. `*` stands for any characters, or none. */
export function matchesGlob(text: string, glob: string): boolean {
  const [start = '', ...parts] = glob.split('*');
  const end = parts.pop();
  if (end === undefined) return text === start;
  if (!text.startsWith(start)) return false;
  let at = start.length;
  for (const part of parts) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return text.length - end.length >= at && text.endsWith(end);
}

/** Whether it matches everything: only `*`. */
export function isUnlimited(glob: string): boolean {
  return /^\*+$/.test(glob);
}
