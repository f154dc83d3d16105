/**
 * Sends a signal to every process of the group.
 * @returns false when there is none that takes it
 */
export function signalGroup(group: number, name: NodeJS.Signals | 0): boolean {
  // Windows has no process groups: there it is the process alone.
  return signal(process.platform === 'win32' ? group : -group, name);
}

/**
 * Sends a signal to a process, or to the group whose number is negated.
 * @returns false when there is none that takes it
 */
export function signal(target: number, name: NodeJS.Signals | 0): boolean {
  try {
    process.kill(target, name);
    return true;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    // EPERM: all of it is another user's. macOS answers so for a group of zombies, too.
    if (code === 'ESRCH' || code === 'EPERM') return false;
    throw error;
  }
}
