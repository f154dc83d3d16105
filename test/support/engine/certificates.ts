import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/**
 * Makes an authority, and what it certifies: a server at 127.0.0.1 and a client.
 * @param directory gets `ca.pem`, `cert.pem` and `key.pem`, as a client wants them, and `server-cert.pem` and `server-key.pem`
 */
export async function makeCertificates(directory: string): Promise<void> {
  const openssl = (...args: readonly string[]) => execute('openssl', args, { cwd: directory });
  await openssl('req', '-x509', ...NEW_KEY, '-keyout', 'ca-key.pem', '-out', 'ca.pem', '-subj', '/CN=the tests', '-days', '1');
  const certify = async (prefix: string, extensions: string) => {
    const [request, extra] = [`${prefix}request.pem`, `${prefix}extensions`];
    await openssl('req', '-new', ...NEW_KEY, '-keyout', `${prefix}key.pem`, '-out', request, '-subj', `/CN=${prefix}test`);
    await writeFile(join(directory, extra), extensions);
    const authority = ['-CA', 'ca.pem', '-CAkey', 'ca-key.pem', '-days', '1', '-extfile', extra];
    await openssl('x509', '-req', '-in', request, ...authority, '-out', `${prefix}cert.pem`);
  };
  await certify('server-', 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n');
  await certify('', 'extendedKeyUsage=clientAuth\n');
}
