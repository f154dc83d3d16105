import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * An `ssh` that reaches, for the host `engine`, an engine on this machine, and does on others what ssh does when it fails.
 * @param directory gets it, and a file with the process ids of all that were started
 */
export async function makeFakeSsh(directory: string, socketPath: string): Promise<void> {
  const relay = join(directory, 'relay.cjs');
  await writeFile(
    relay,
    `const socket = require('node:net').connect(${JSON.stringify(socketPath)});
process.stdin.pipe(socket).pipe(process.stdout);
`,
  );
  const script = `#!/bin/sh
echo $$ >> '${directory}/pids'
case "$*" in
  '-T -o BatchMode=yes -o ConnectTimeout='*' -- engine docker system dial-stdio') exec '${process.execPath}' '${relay}' ;;
  *' -- deaf docker system dial-stdio') exec sleep 1000 ;;
  *' -- silent docker system dial-stdio') exit 3 ;;
  *) echo '*** Authorized use only ***' >&2; echo 'Host key verification failed.' >&2; exit 255 ;;
esac
`;
  await writeFile(join(directory, 'ssh'), script);
  await chmod(join(directory, 'ssh'), 0o755);
}

/** The process ids of all that were started so far. */
export async function sshProcesses(directory: string): Promise<readonly number[]> {
  const text = await readFile(join(directory, 'pids'), 'utf8').catch(() => '');
  return text.split('\n').filter(Boolean).map(Number);
}
