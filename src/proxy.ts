import { takeLittleMemory } from './lib/memory';
import type { Dial } from './proxy/dial';
import { proxyProcess } from './proxy/process';

/** Loads ssh's part when it is needed: a proxy that waits is to be small. */
function dialSsh(url: string): Dial {
  let dialer: Promise<Dial> | undefined;
  return async () => {
    dialer ??= import(/* webpackMode: "eager" */ './providers/docker/connection/ssh').then(({ sshDialer }) => sshDialer(url));
    return (await dialer)();
  };
}

takeLittleMemory();
void proxyProcess(process.argv, { ssh: dialSsh });
