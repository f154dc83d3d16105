/**
 * Waits for a condition, never for a time: asks again and again until `holds` says so.
 * @throws after a minute, with what was waited for
 */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpAt = Date.now() + 60_000;
  while (!(await holds())) {
    if (Date.now() > giveUpAt) throw new Error(`waited a minute, and it never came to this: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
