import { describe, expect, it } from 'vitest';
import { sshArguments } from '../../../../../src/providers/docker/connection/ssh';

const OPTIONS = '-T -o BatchMode=yes -o ConnectTimeout=10';

describe('ssh is called', () => {
  it.each([
    ['ssh://host', `${OPTIONS} -- host docker system dial-stdio`],
    ['ssh://me@host:2222/', `${OPTIONS} -l me -p 2222 -- host docker system dial-stdio`],
    ['ssh://me@corp.example@host', `${OPTIONS} -l me@corp.example -- host docker system dial-stdio`],
    ['ssh://[::1]:22', `${OPTIONS} -p 22 -- ::1 docker system dial-stdio`],
  ])('for %s as ssh %s', (url, words) => {
    expect(sshArguments(url).join(' ')).toBe(words);
  });

  it.each([
    'ssh://',
    'ssh://-oProxyCommand=id',
    'ssh://-l@host',
    'ssh://me@-host',
    'ssh://me:secret@host',
    'ssh://host/run/docker.sock',
    'ssh://host;id',
    'ssh://host id',
    'ssh://host\nid',
  ])('not for %j', (url) => {
    expect(() => sshArguments(url)).toThrow('is not a host for ssh: use ssh://[user@]host[:port]');
  });
});
